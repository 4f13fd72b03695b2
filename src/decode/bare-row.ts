import { canonicalTimestamp } from './timestamp.ts'
import { columnIn, type RawColumn, type RawRecord } from './raw-schema.ts'

/** A column outside the key, and how it looks when the source database did not give it. */
export type Bare = { readonly name: string; readonly column: RawColumn }

/**
 * The columns that tell a whole row from one that holds its key alone. Under replica identity
 * `default` the source gives the key columns of a deleted row, and Debezium fills what it was not
 * given: null where a column may be null, else its default, or zero, empty text, the epoch. A row
 * in which every one of these columns looks so is taken for bare.
 *
 * What this can't see: a whole row which really holds nothing but such values (taken for bare,
 * which costs a rebuild and never a wrong number), and a replica identity by an index that holds
 * some columns and not the needed one (seen at the next change that leaves the index alone).
 * Columns that can't be null are the better sign; those that can are asked where there are none.
 */
export function bareOf(
  row: RawRecord,
  key: readonly string[],
  needed: readonly string[],
): readonly Bare[] {
  const others = row.fields
    .filter(({ name }) => !key.includes(name))
    .map((field) => ({ name: field.name, column: columnIn(field) }))
    .filter(({ column }) => column.avro !== undefined && column.avro !== 'bytes')
  const required = others.filter(({ column }) => !column.nullable)
  if (required.length === 0) return others
  return others.filter(({ name, column }) => !column.nullable || needed.includes(name))
}

export function isBare(
  columns: readonly Bare[],
  values: Readonly<Record<string, unknown>>,
): boolean {
  return columns.every(({ name, column }) => isFiller(column, values[name]))
}

function isFiller(column: RawColumn, value: unknown): boolean {
  if (value === null || value === undefined) return true
  if (column.defaults.some((filler) => same(filler, value))) return true
  // A column that may be null is left null, and never gets anything else.
  if (column.nullable) return false
  if (typeof value === 'string') return value === '' || canonicalTimestamp(value) === epoch
  return value === 0 || value === 0n || value === false
}

const epoch = '1970-01-01T00:00:00.000000Z'

function same(filler: unknown, value: unknown): boolean {
  return filler === value || (typeof value === 'bigint' && filler === Number(value))
}
