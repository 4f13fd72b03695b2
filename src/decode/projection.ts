import avsc, { type Resolver, type Schema, type Type } from 'avsc'
import { avroNameOf } from '../avro-name.ts'
import { MillraceError } from '../errors.ts'
import { typeOf, type ColumnType } from '../types/types.ts'
import type { Reader } from '../types/value-type.ts'
import { earlierRow } from './earlier-row.ts'
import { longHook } from './long.ts'
import {
  asRecord,
  columnIn,
  fieldOf,
  fullName,
  namespaceOf,
  recordIn,
  type RawField,
  type RawRecord,
} from './raw-schema.ts'
import type { WriterSchema } from './registry.ts'

/** An envelope as it comes out of Avro: columns by their adjusted names, values as avsc reads them. */
export type Envelope = {
  readonly before: AvroRow | null
  readonly after: AvroRow | null
  readonly op: string
  readonly source: {
    readonly lsn: bigint | number | null
    readonly version: string
    /** Lower 32 bits of the transaction's id; null for a row of a snapshot. */
    readonly txId: bigint | number | null
    readonly snapshot: string | null
  }
}

export type AvroRow = Readonly<Record<string, unknown>>

/** How to read what one writer's schema wrote, and no more of it than the view needs. */
export type Projection = {
  /** Throws where the bytes don't fit the schema. */
  read(payload: Buffer): Envelope
  /** The view's columns, in the order of `columns`, with the names that they have in Avro. */
  readonly columns: readonly ProjectedColumn[]
  /** Those of them that a retract needs: the entry's key, and what rows are counted by. */
  readonly earlier: readonly ProjectedColumn[]
  /** Whether `before` gives them; a value that the source left out looks like any other. */
  readonly isGiven: (before: AvroRow) => boolean
}

export type ProjectedColumn = {
  readonly column: string
  readonly avroName: string
  readonly type: ColumnType
  /** Makes values of what this writer's schema has there. */
  readonly read: Reader
}

export type ProjectionTarget = {
  readonly view: string
  readonly table: string
  readonly columns: Readonly<Record<string, ColumnType>>
  /** Those of them that a retract needs. */
  readonly retracts: readonly string[]
  /** Columns of the record's key, by their names in Avro. */
  readonly key: readonly string[]
  /** Columns of other unique indexes, by their names in Avro; undefined where they are not known. */
  readonly unique: readonly string[] | undefined
}

/** What is needed of an envelope's `source`. */
const sourceNames = ['lsn', 'version', 'txId', 'snapshot']

/**
 * The projection of a writer's schema, or undefined when the schema is no Debezium envelope of a
 * Postgres table. Throws `column-gone` or `column-retyped` when the view can't be kept from it.
 */
export function project(writer: WriterSchema, target: ProjectionTarget): Projection | undefined {
  const envelope = asRecord(writer.schema)
  const before = fieldOf(envelope, 'before')
  const after = fieldOf(envelope, 'after')
  const row = recordIn(before) ?? recordIn(after)
  const source = recordIn(fieldOf(envelope, 'source'))
  const sourceFields = sourceNames.map((name) => fieldOf(source, name))
  if (!envelope || !before || !after || !row || !source || !fieldOf(envelope, 'op'))
    return undefined
  if (!isEnvelope(envelope, sourceFields)) return undefined

  const columns = Object.entries(target.columns).map(([column, type]): ProjectedColumn => {
    const avroName = avroNameOf(column)
    const read = readerOf(fieldOf(row, avroName), { ...target, column, type })
    return { column, avroName, type, read }
  })
  const earlier = columns.filter(({ column }) => target.retracts.includes(column))
  const { names, isGiven } = earlierRow(row, earlier.map(avroNames), target)
  const reader = prunedType({ envelope, row, source }, columns.map(avroNames), names)
  const resolver: Resolver = reader.createResolver(writer.type)
  return {
    read: (payload) => reader.fromBuffer(payload, resolver) as Envelope,
    columns,
    earlier,
    isGiven,
  }
}

function isEnvelope(envelope: RawRecord, source: readonly (RawField | undefined)[]): boolean {
  const op = fieldOf(envelope, 'op')
  const [lsn, version, transaction, snapshot] = source.map((field) => field && columnIn(field))
  return (
    lsn?.avro === 'long' &&
    version?.avro === 'string' &&
    transaction?.avro === 'long' &&
    snapshot?.avro === 'string' &&
    !!op &&
    columnIn(op).avro === 'string'
  )
}

function avroNames({ avroName }: ProjectedColumn): string {
  return avroName
}

function readerOf(
  field: RawField | undefined,
  { view, table, column, type }: ProjectionTarget & { column: string; type: ColumnType },
): Reader {
  if (!field) {
    throw new MillraceError(
      'column-gone',
      `column ${column} of ${table} is gone, and view ${view} needs it`,
      {
        hint: `Bring the column back, or change the declaration of ${view}: the partition goes on then.`,
      },
    )
  }
  const found = columnIn(field)
  const reader = typeOf(type).reader(found)
  if (reader) return reader
  throw new MillraceError(
    'column-retyped',
    `column ${column} of ${table} is now ${found.connectName ?? found.avro ?? 'of another type'}, ` +
      `and view ${view} needs it as ${type}`,
    {
      hint: `Change the type back, or the declaration of ${view}: the partition goes on then.`,
    },
  )
}

/**
 * The reader's schema: the writer's, without what nobody needs, so that avsc skips it. `before` and `after` have
 * names of their own with the row's as alias, for they hold other columns.
 */
function prunedType(
  { envelope, row, source }: Record<'envelope' | 'row' | 'source', RawRecord>,
  after: readonly string[],
  before: readonly string[],
): Type {
  const inherited = namespaceOf(envelope)
  const rowName = fullName(row, inherited)
  const pruned = (name: string, names: readonly string[]) => ({
    type: 'record',
    name,
    aliases: [rowName],
    fields: row.fields.filter((field) => names.includes(field.name)).map(withoutDefault),
  })
  const schema = {
    type: 'record',
    name: fullName(envelope, undefined),
    fields: [
      { name: 'before', type: ['null', pruned('millrace.Before', before)] },
      { name: 'after', type: ['null', pruned('millrace.After', after)] },
      {
        name: 'source',
        type: {
          type: 'record',
          name: fullName(source, inherited),
          fields: source.fields
            .filter(({ name }) => sourceNames.includes(name))
            .map(withoutDefault),
        },
      },
      { name: 'op', type: 'string' },
    ],
  }
  return avsc.Type.forSchema(schema as Schema, { typeHook: longHook, wrapUnions: false })
}

/** Every field stands in the writer's schema, so that no default is ever asked for. */
function withoutDefault({ name, type }: RawField): RawField {
  return { name, type }
}
