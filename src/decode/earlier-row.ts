import { columnIn, type RawColumn, type RawField, type RawRecord } from './raw-schema.ts'
import { canonicalTimestamp } from '../types/timestamps.ts'

/** Tells whether a `before` gives what a retract needs. */
export type EarlierRow = {
  /** Columns to read of `before`, by their names in Avro. */
  readonly names: readonly string[]
  /** False where a needed value may be a filler that the source never sent. */
  readonly isGiven: (before: Readonly<Record<string, unknown>>) => boolean
}

export type Indexed = {
  /** Columns of the primary key. */
  readonly key: readonly string[]
  /** Columns of other unique indexes; undefined where they are not known. */
  readonly unique: readonly string[] | undefined
}

/**
 * What a replica identity leaves out of `before` comes as null where the column may be null, else
 * as its default, or zero, empty text, the epoch: nothing tells it from a value. So needed values
 * outside the key are believed when none looks like such a filler, or when `before` has a value in
 * a column that no identity but `full` gives: one of no unique index, or one that may be null, for
 * an index that serves as identity can't hold it.
 *
 * What remains is doubt about whole rows that hold fillers in all these columns and in a needed one:
 * those are taken as not given, which costs a doubt and never a wrong number.
 */
export function earlierRow(
  row: RawRecord,
  needed: readonly string[],
  { key, unique }: Indexed,
): EarlierRow {
  const others = row.fields.filter(({ name }) => !key.includes(name)).map(named)
  const outside = others.filter(({ name }) => needed.includes(name))
  if (outside.length === 0) return { names: needed, isGiven: () => true }
  const ofNoIndex = (name: string) => unique !== undefined && !unique.includes(name)
  const witnesses = others.filter(
    ({ name, column }) => isPlain(column) && (column.nullable || ofNoIndex(name)),
  )
  return {
    names: [...new Set([...needed, ...witnesses.map(({ name }) => name)])],
    isGiven: (before) =>
      outside.every(({ name, column }) => !isFiller(column, before[name])) ||
      witnesses.some(({ name, column }) => !isFiller(column, before[name])),
  }
}

function named(field: RawField): { readonly name: string; readonly column: RawColumn } {
  return { name: field.name, column: columnIn(field) }
}

function isFiller(column: RawColumn, value: unknown): boolean {
  if (value === null || value === undefined) return true
  if (column.defaults.some((filler) => same(filler, value))) return true
  if (column.nullable) return false
  if (typeof value === 'string') return value === '' || canonicalTimestamp(value) === epoch
  return value === 0 || value === 0n || value === false
}

const epoch = '1970-01-01T00:00:00.000000Z'

/** What a column of another kind holds is not looked at. */
function isPlain({ avro }: RawColumn): boolean {
  return avro !== undefined && avro !== 'array'
}

function same(filler: unknown, value: unknown): boolean {
  return filler === value || (typeof value === 'bigint' && filler === Number(value))
}
