/**
 * What Postgres' own logical decoding says of changes, as records of a log: read from a slot of
 * `pgoutput` by which the connector reads as well, with LSN and transaction, and put into envelopes as
 * Debezium does. So what a row was before is what the replica identity really gave.
 */
import avsc, { type Type } from 'avsc'
import type { Client } from 'pg'
import type { LogRecord } from '../../src/change.ts'
import { avroNameOf } from '../../src/avro-name.ts'
import { longHook } from '../../src/decode/long.ts'
import type { SchemaSource, WriterSchema } from '../../src/decode/registry.ts'
import { parseKafkaOffset, parseLsn } from '../../src/position.ts'
import { parsePgoutput, type Tuple } from '../history/pgoutput.ts'
import { envelope, envelopeSchema, frame, keySchema } from '../support/builders.ts'
import { avroForm, type AvroForm } from './debezium-avro.ts'
import type { Table } from './plan.ts'

const slot = 'property'
const publication = 'property'

/** Everything that is committed from now on is captured. */
export async function openSlot(client: Client): Promise<void> {
  await client.query(`create publication ${publication} for all tables`)
  await client.query(`select pg_create_logical_replication_slot('${slot}', 'pgoutput')`)
}

type Row = Readonly<Record<string, unknown>>

/** Records of each table, in their order, and the schemas that wrote them. */
export type Captured = {
  readonly records: ReadonlyMap<Table, readonly LogRecord[]>
  readonly registry: SchemaSource
  /** Of each update and delete, one of `captureKinds`. */
  readonly kinds: readonly string[]
}

/** Takes what was committed since the last time off the slot. */
export async function captured(client: Client, tables: readonly Table[]): Promise<Captured> {
  const { rows } = await client.query<{ lsn: string; xid: string; data: Buffer }>(
    `select lsn, xid, data from pg_logical_slot_get_binary_changes('${slot}', null, null,
       'proto_version', '1', 'publication_names', '${publication}')`,
  )
  const writers = tables.map((table, at) => new TableWriter(table, at * 2 + 1))
  const relations = new Map<number, TableWriter>()
  const kinds: string[] = []
  for (const { lsn, xid, data } of rows) {
    const message = parsePgoutput(data)
    const at = { lsn: parseLsn(lsn), txId: BigInt(xid) }
    if (message.kind === 'relation') {
      const writer = writers.find(({ table: { name } }) => name === message.table)
      if (!writer) throw new Error(`${message.table} is no table of the plan`)
      writer.columns = message.columns
      relations.set(message.id, writer)
    } else if (message.kind === 'insert') {
      relations.get(message.relation)!.insert(message.row, at)
    } else if (message.kind === 'update') {
      kinds.push(relations.get(message.relation)!.update(message.before, message.row, at))
    } else if (message.kind === 'delete') {
      kinds.push(relations.get(message.relation)!.delete(message.before, at))
    }
  }
  return {
    records: new Map(writers.map(({ table, records }) => [table, records])),
    registry: registryOf(writers),
    kinds,
  }
}

/** Of the log. */
export const captureKinds = [
  'logged key change',
  'logged update with its earlier row',
  'logged update without its earlier row',
  'logged delete of a whole row',
  'logged delete by key',
]

type At = { readonly lsn: bigint; readonly txId: bigint }

class TableWriter {
  readonly table: Table
  readonly records: LogRecord[] = []
  readonly #keyId: number
  readonly #forms: ReadonlyMap<string, AvroForm>
  readonly key: WriterSchema
  readonly value: WriterSchema
  /** In the order of the log's rows. */
  columns: readonly string[] = []

  constructor(table: Table, keyId: number) {
    this.table = table
    this.#keyId = keyId
    this.#forms = new Map(table.columns.map(({ name, form }) => [name, avroForm(form.column)]))
    const field = (name: string, nullable: boolean) => {
      const { type } = this.#forms.get(name)!
      const avro = avroNameOf(name)
      return nullable ? { name: avro, type: ['null', type], default: null } : { name: avro, type }
    }
    const namespace = `t${keyId}`
    this.key = schemaOf(
      keySchema(
        namespace,
        table.key.map((name) => field(name, false)),
      ),
    )
    this.value = schemaOf(
      envelopeSchema(
        namespace,
        table.columns.map(({ name, nullable }) => field(name, nullable)),
      ),
    )
  }

  get schemas(): readonly (readonly [number, WriterSchema])[] {
    return [
      [this.#keyId, this.key],
      [this.#keyId + 1, this.value],
    ]
  }

  insert(row: Tuple, at: At): void {
    const after = this.#row(row)
    this.#put(after, { op: 'c', after, ...at })
  }

  /** A changed primary key comes as a row that goes, what compaction leaves of it, and another row. */
  update(before: Tuple | undefined, row: Tuple, at: At): string {
    const earlier = before && this.#row(before)
    const after = this.#row(row, earlier)
    const moved = earlier && this.#isOther(earlier, after)
    if (moved) {
      this.#gone(earlier, at)
      this.#put(after, { op: 'c', after, ...at })
      return 'logged key change'
    }
    this.#put(after, { op: 'u', before: earlier ?? null, after, ...at })
    return earlier ? 'logged update with its earlier row' : 'logged update without its earlier row'
  }

  delete(before: Tuple, at: At): string {
    const isWhole = this.table.identity === 'full'
    this.#gone(this.#row(before), at)
    return isWhole ? 'logged delete of a whole row' : 'logged delete by key'
  }

  #gone(before: Row, at: At): void {
    this.#put(before, { op: 'd', before, ...at })
    this.#add(this.#keyOf(before), null)
  }

  #put(row: Row, values: Parameters<typeof envelope>[0]): void {
    this.#add(this.#keyOf(row), frame(this.#keyId + 1, this.value.type.toBuffer(envelope(values))))
  }

  #add(key: Buffer, value: Buffer | null): void {
    const offset = parseKafkaOffset(String(this.records.length))
    this.records.push({ offset, timestampMs: 0, key, value })
  }

  #keyOf(row: Row): Buffer {
    const key = this.table.key.map(avroNameOf).map((name) => [name, row[name]])
    return frame(this.#keyId, this.key.type.toBuffer(Object.fromEntries(key)))
  }

  #isOther(before: Row, after: Row): boolean {
    return !this.#keyOf(before).equals(this.#keyOf(after))
  }

  /** What the log has not is a filler where the column is not null, or as it was before. */
  #row(tuple: Tuple, before?: Row): Row {
    const cells = this.columns.map((name, at) => {
      const { nullable } = this.table.columns.find((column) => column.name === name)!
      const form = this.#forms.get(name)!
      const text = tuple[at]
      if (text === undefined) return [avroNameOf(name), before?.[avroNameOf(name)]]
      if (text === null) return [avroNameOf(name), nullable ? null : form.filler]
      return [avroNameOf(name), form.value(text)]
    })
    return Object.fromEntries(cells) as Row
  }
}

function schemaOf(schema: Parameters<typeof avsc.Type.forSchema>[0]): WriterSchema {
  const type: Type = avsc.Type.forSchema(schema, { typeHook: longHook })
  return { schema, type }
}

function registryOf(writers: readonly TableWriter[]): SchemaSource {
  const known = new Map(writers.flatMap(({ schemas }) => schemas))
  return {
    schema: (id) => Promise.resolve(known.get(id)),
    knowsAny: (ids) => Promise.resolve(ids.some((id) => known.has(id))),
  }
}
