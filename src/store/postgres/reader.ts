import { parseKafkaOffset, parseLsn } from '../../position.ts'
import type { ViewLayout } from '../../mutation.ts'
import { checkRead } from '../checks.ts'
import { refuseNewer } from '../generation.ts'
import { limits } from '../limits.ts'
import type {
  ParkedRecord,
  Phase,
  ReadResult,
  StoredEntry,
  StoreStatus,
  ViewReader,
} from '../store.ts'
import type { PostgresConnection, SqlRow, Statement } from './connection.ts'
import { readStatus } from './state.ts'
import type { ViewTable } from './table.ts'

export class PostgresReader implements ViewReader {
  readonly #connection: PostgresConnection
  readonly #view: string
  readonly #table: ViewTable
  readonly #read: Statement

  constructor(connection: PostgresConnection, layout: ViewLayout, table: ViewTable) {
    this.#connection = connection
    this.#view = layout.name
    this.#table = table
    // One statement sees one moment: the state, and only where it serves its entries.
    this.#read = {
      name: `read ${layout.name}`,
      text: `select v.phase, v.number, v.watermark::text as watermark, ${table.columns}
        from millrace.views v left join ${table.name} e on v.phase = 'serving' and e.present
          and e.${table.key} = any($2::${table.keyType}[])
        where v.view = $1`,
    }
  }

  async read(keys: readonly string[]): Promise<ReadResult> {
    checkRead(keys)
    const values = [this.#view, this.#table.possible(keys)]
    const { rows } = await this.#connection.query(this.#read, values)
    const [state] = rows
    if (!state) return { kind: 'unavailable', phase: 'absent' }
    if (state.phase !== 'serving') return { kind: 'unavailable', phase: state.phase as Phase }
    refuseNewer(state.number, 'millrace.views')
    const found = new Map<string, SqlRow>(rows.map((row) => [row.key as string, row]))
    const entries = keys.map((key) => {
      const row = found.get(key)
      const { fields, counts } = row ? this.#table.parse(row) : { fields: null, counts: {} }
      return fields && { key, fields, counts }
    })
    return { kind: 'serving', watermark: parseLsn(state.watermark as string), entries }
  }

  status(): Promise<StoreStatus> {
    return readStatus(this.#connection, this.#view)
  }

  async *scan(): AsyncIterable<readonly StoredEntry[]> {
    const { name, key, keyType, columns } = this.#table
    const order = `order by e.${key} limit ${limits.scanPageEntries}`
    const first = `select ${columns} from ${name} e ${order}`
    const next = `select ${columns} from ${name} e where e.${key} > $1::${keyType} ${order}`
    let after: unknown
    do {
      const { rows } = await (after === undefined
        ? this.#connection.query(first)
        : this.#connection.query(next, [after]))
      if (rows.length > 0) yield rows.map((row) => this.#table.parse(row))
      after = rows.at(-1)?.key
    } while (after !== undefined)
  }

  async *parked(): AsyncIterable<ParkedRecord> {
    let after: readonly unknown[] = ['', -1, -1]
    for (;;) {
      const { rows } = await this.#connection.query(parkedPage, [this.#view, ...after])
      if (rows.length === 0) return
      for (const row of rows) yield parseParked(row)
      const { topic, partition, record_offset: offset } = rows.at(-1)!
      after = [topic, partition, offset]
    }
  }
}

const parkedPage = `select * from millrace.parked where view = $1
  and (topic collate "C", partition, record_offset) > ($2::text, $3::integer, $4::bigint)
  order by topic collate "C", partition, record_offset limit ${limits.parkedPageRecords}`

function parseParked(row: SqlRow): ParkedRecord {
  const bytes = (value: unknown) => (value === null ? null : new Uint8Array(value as Buffer))
  return {
    partition: { topic: row.topic as string, partition: row.partition as number },
    offset: parseKafkaOffset(row.record_offset as string),
    timestampMs: Number(row.timestamp_ms),
    key: bytes(row.key),
    value: bytes(row.value),
    phase: row.phase as ParkedRecord['phase'],
    reason: row.reason as string,
  }
}
