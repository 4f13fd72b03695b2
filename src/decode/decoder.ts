import type { Clock } from '../clock.ts'
import type { Decoded, LogRecord } from '../change.ts'
import { avroNameOf } from '../avro-name.ts'
import { describe } from '../errors.ts'
import { columnsOf, retractColumnsOf, type View } from '../view/view.ts'
import { interpret } from './envelope.ts'
import { keyReader, type KeyReader } from './key.ts'
import { project, type Projection } from './projection.ts'
import type { SchemaSource } from './registry.ts'
import { SchemaLookup } from './schema-lookup.ts'
import { parseFrame, type Framed } from './wire-format.ts'

/** Whose changes are decoded, and for what. */
export type DecoderSubject = {
  readonly view: View
  /** The source table whose changes the topic holds. */
  readonly table: string
  readonly topic: string
  /** The connector's `unavailable.value.placeholder`. */
  readonly placeholder: string
  /** Columns of the table's unique indexes, but the primary key's; undefined where not known. */
  readonly unique?: readonly string[] | undefined
}

export type DecoderOptions = DecoderSubject & {
  readonly registry: SchemaSource
  readonly clock: Clock
  /** How long an unknown schema id may be a registry that is behind, milliseconds. */
  readonly unknownSchemaMs: number
}

/**
 * Makes changes of the records of one topic: Confluent's wire format, Avro, a Debezium envelope,
 * projected to the columns that the view needs.
 *
 * A record that will never be understood is `undecodable`; one that is understood and not enough
 * to apply is `unusable`. What stops the view throws a MillraceError: `column-gone`,
 * `column-retyped`, `debezium-too-old`, and, retriable, `registry-unavailable` and
 * `schema-unknown`. Nothing else is thrown, whatever the bytes.
 */
export type Decoder = {
  /** Answers at once where the record's schemas are known, else after asking the registry. */
  decode(record: LogRecord): Decoded | Promise<Decoded>
  /** Registry id of the schema of the record's key; undefined where the key names none. */
  keySchemaId(record: LogRecord): number | undefined
}

export function decoder(options: DecoderOptions): Decoder {
  const plans = new Plans(options)
  return {
    decode(record) {
      if (!record.value) return { kind: 'tombstone' }
      const value = parseFrame(record.value)
      if (!value) return undecodable('the value is not in the wire format of a schema registry')
      // A truncated table has no row to name, and so its record has no key.
      const key = record.key ? parseFrame(record.key) : undefined
      if (record.key && !key)
        return undecodable('the key is not in the wire format of a schema registry')
      const plan = plans.get(key?.schemaId, value.schemaId)
      if (plan) return decodeBy(plan, { key, value }, options)
      return plans
        .make(key?.schemaId, value.schemaId)
        .then((made) =>
          typeof made === 'string' ? undecodable(made) : decodeBy(made, { key, value }, options),
        )
    },
    keySchemaId: (record) => (record.key ? parseFrame(record.key)?.schemaId : undefined),
  }
}

/** How to read a record whose key and value were written by a certain pair of schemas. */
type Plan = { readonly key: KeyReader | undefined; readonly projection: Projection }

type FramedRecord = { readonly key: Framed | undefined; readonly value: Framed }

function decodeBy(plan: Plan, { key, value }: FramedRecord, options: DecoderOptions): Decoded {
  const row = key && plan.key ? attempt(() => plan.key!.read(key.payload)) : undefined
  if (typeof row === 'string') return undecodable(`the key does not fit its schema: ${row}`)
  const envelope = attempt(() => plan.projection.read(value.payload))
  if (typeof envelope === 'string') {
    return undecodable(`the value does not fit its schema: ${envelope}`)
  }
  const { table, placeholder } = options
  const decoded = interpret(envelope, plan.projection, { table, placeholder, key: row ?? {} })
  return row || decoded.kind !== 'change' ? decoded : undecodable('the record has no key')
}

/** The plans of a topic, by the ids of its schemas: few, and never outdated. */
class Plans {
  readonly #options: DecoderOptions
  readonly #lookup: SchemaLookup
  readonly #byKey = new Map<number | undefined, Map<number, Plan>>()

  constructor(options: DecoderOptions) {
    this.#options = options
    this.#lookup = new SchemaLookup(options)
  }

  get(keyId: number | undefined, valueId: number): Plan | undefined {
    return this.#byKey.get(keyId)?.get(valueId)
  }

  /** The plan, or the reason why there will never be one. */
  async make(keyId: number | undefined, valueId: number): Promise<Plan | string> {
    const value = await this.#lookup.schema(valueId)
    if (typeof value === 'string') return value
    const keySchema = keyId === undefined ? undefined : await this.#lookup.schema(keyId)
    if (typeof keySchema === 'string') return keySchema
    const { view, table, unique } = this.#options
    const columns = columnsOf(view, table)
    const retracts = retractColumnsOf(view, table)
    const key = keySchema && keyReader(keySchema, columns)
    if (keySchema && !key) return `schema ${keyId} of the key is not that of a row's key`
    const projection = project(value, {
      view: view.name,
      table,
      columns,
      retracts,
      key: key?.avroNames ?? [],
      unique: unique?.map(avroNameOf),
    })
    if (!projection) return `schema ${valueId} of the value is not that of a Debezium envelope`
    const plan = { key, projection }
    const known = this.#byKey.get(keyId) ?? new Map<number, Plan>()
    this.#byKey.set(keyId, known.set(valueId, plan))
    return plan
  }
}

/** What reading answers, or what is wrong with the bytes. */
function attempt<T extends object>(read: () => T): T | string {
  try {
    return read()
  } catch (error) {
    return describe(error)
  }
}

function undecodable(reason: string): Decoded {
  return { kind: 'undecodable', reason }
}
