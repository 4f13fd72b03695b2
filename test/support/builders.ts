import avsc, { type Schema, type Type } from 'avsc'
import type { Change, LogRecord, Row, StreamedChange } from '../../src/change.ts'
import { longHook } from '../../src/decode/long.ts'
import type { SchemaSource, WriterSchema } from '../../src/decode/registry.ts'
import { lsnFromInteger, parseKafkaOffset } from '../../src/position.ts'

/**
 * What the connector writes for a long text that it was not given. Postgres text can't hold a NUL,
 * so no user can write this.
 */
export const placeholder = 'unavailable\0value'

type At = { readonly lsn?: bigint; readonly transaction?: number }

/** A change made by a transaction that no snapshot of a test sees, unless it says otherwise. */
const streamed = (table: string, key: Row, { lsn = 1n, transaction = 731 }: At) => ({
  table,
  key,
  lsn: lsnFromInteger(lsn),
  transaction,
})

export function insert(table: string, key: Row, after: Row, at: At = {}): StreamedChange {
  return { kind: 'insert', ...streamed(table, key, at), after }
}

export type Rows = { readonly before?: Row; readonly after: Row }

export function update(table: string, key: Row, rows: Rows, at: At = {}): StreamedChange {
  const { before, after } = rows
  return { kind: 'update', ...streamed(table, key, at), before, after }
}

export function remove(table: string, key: Row, before?: Row, at: At = {}): StreamedChange {
  return { kind: 'delete', ...streamed(table, key, at), before }
}

/** A row of a connector's snapshot. */
export function read(table: string, key: Row, after: Row, incremental = false): Change {
  return { kind: 'read', table, key, after, lsn: lsnFromInteger(1n), incremental }
}

/** A column as Debezium's Avro has it. */
export type Column = { readonly name: string; readonly type: unknown; readonly default?: unknown }

export const column = {
  long: (name: string): Column => ({ name, type: 'long' }),
  int: (name: string): Column => ({ name, type: 'int' }),
  text: (name: string): Column => ({ name, type: 'string' }),
  nullable: (name: string, type: unknown): Column => ({
    name,
    type: ['null', type],
    default: null,
  }),
  /** `timestamptz not null default now()`. */
  timestamptz: (name: string): Column => ({
    name,
    type: {
      type: 'string',
      'connect.version': 1,
      'connect.default': '1970-01-01T00:00:00.000000Z',
      'connect.name': 'io.debezium.time.ZonedTimestamp',
    },
    default: '1970-01-01T00:00:00.000000Z',
  }),
}

export const userColumns: readonly Column[] = [
  column.long('user_id'),
  column.text('username'),
  ...['name', 'description', 'location', 'web_page_url'].map((name) =>
    column.nullable(name, 'string'),
  ),
  column.timestamptz('joined_date'),
  ...['profile_image_url', 'background_image_url'].map((name) => column.nullable(name, 'string')),
]

export const tweetColumns: readonly Column[] = [
  column.long('tweet_id'),
  column.long('user_id'),
  column.nullable('text', 'string'),
  column.timestamptz('created_at'),
]

/** A schema of keys, as the Avro converter writes it. */
export function keySchema(table: string, columns: readonly Column[]): Schema {
  const namespace = `millrace.public.${table}`
  return { type: 'record', name: 'Key', namespace, fields: columns } as Schema
}

/** The envelope that Debezium 3.7's Postgres connector registers for a table. */
export function envelopeSchema(table: string, columns: readonly Column[]): Schema {
  const nullable = (name: string, type: unknown) => ({ name, type: ['null', type], default: null })
  const source = [
    ...['version', 'connector', 'name'].map((name) => ({ name, type: 'string' })),
    { name: 'ts_ms', type: 'long' },
    { name: 'snapshot', type: ['string', 'null'], default: 'false' },
    { name: 'db', type: 'string' },
    nullable('sequence', 'string'),
    ...['ts_us', 'ts_ns'].map((name) => nullable(name, 'long')),
    ...['schema', 'table'].map((name) => ({ name, type: 'string' })),
    ...['txId', 'lsn', 'xmin'].map((name) => nullable(name, 'long')),
  ]
  const block = [
    { name: 'id', type: 'string' },
    { name: 'total_order', type: 'long' },
  ]
  return {
    type: 'record',
    name: 'Envelope',
    namespace: `millrace.public.${table}`,
    fields: [
      nullable('before', { type: 'record', name: 'Value', fields: columns }),
      nullable('after', 'Value'),
      {
        name: 'source',
        type: {
          type: 'record',
          name: 'Source',
          namespace: 'io.debezium.connector.postgresql',
          fields: source,
        },
      },
      nullable('transaction', { type: 'record', name: 'block', namespace: 'event', fields: block }),
      { name: 'op', type: 'string' },
      ...['ts_ms', 'ts_us', 'ts_ns'].map((name) => nullable(name, 'long')),
    ],
  } as Schema
}

export type EnvelopeValues = {
  readonly op: string
  readonly before?: Readonly<Record<string, unknown>> | null
  readonly after?: Readonly<Record<string, unknown>> | null
  readonly version?: string
  readonly lsn?: bigint | null
  readonly txId?: bigint | null
  readonly snapshot?: string | null
}

/** What an envelope holds; a row's columns that are not given are at their defaults. */
export function envelope({ op, before = null, after = null, ...more }: EnvelopeValues): object {
  const { version = '3.7.0.Final', lsn = 1_000n, txId = 731n, snapshot = 'false' } = more
  const nanoseconds = 1_795_258_636_917_620_001n
  return {
    before,
    after,
    op,
    source: {
      version,
      connector: 'postgresql',
      name: 'millrace',
      snapshot,
      ts_ms: 1_795_258_636_917n,
      ts_us: null,
      ts_ns: nanoseconds,
      db: 'millrace',
      sequence: null,
      schema: 'public',
      table: 'users',
      txId,
      lsn,
      xmin: null,
    },
    transaction: null,
    ts_ms: 1_795_258_636_917n,
    ts_us: null,
    ts_ns: nanoseconds,
  }
}

function avroType(schema: Schema): Type {
  return avsc.Type.forSchema(schema, { typeHook: longHook })
}

/** A value in Confluent's wire format. */
export function framed(id: number, schema: Schema, value: object): Buffer {
  return frame(id, avroType(schema).toBuffer(value))
}

export function frame(id: number, payload: Uint8Array): Buffer {
  const header = Buffer.alloc(5)
  header.writeInt32BE(id, 1)
  return Buffer.concat([header, payload])
}

export function logRecord(key: Uint8Array | null, value: Uint8Array | null): LogRecord {
  return { offset: parseKafkaOffset('7'), timestampMs: 1_795_258_636_917, key, value }
}

/** Schemas by id, without a registry: what is not there is unknown. */
export function knownSchemas(schemas: Readonly<Record<number, Schema>>): SchemaSource {
  const known = new Map<number, WriterSchema>(
    Object.entries(schemas).map(([id, schema]) => [Number(id), { schema, type: avroType(schema) }]),
  )
  return {
    schema: (id) => Promise.resolve(known.get(id)),
    knowsAny: (ids) => Promise.resolve(ids.some((id) => known.has(id))),
  }
}
