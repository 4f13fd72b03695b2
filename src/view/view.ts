/**
 * A view as data: what `defineView` makes of a declaration. From it come the fold, the columns to
 * decode, the replica identity that each table needs, the truth query, the layout in a store, the
 * JSON and its schema.
 */
import type { Row } from '../change.ts'
import { spellKey } from '../entry-key.ts'
import type { NamedColumn, ViewLayout } from '../mutation.ts'
import type { ColumnType } from '../types/types.ts'

export type View = {
  readonly name: string
  /** The parts of the entries' key, at least one. */
  readonly key: readonly NamedColumn[]
  readonly row: OwningRow
  readonly counts: readonly Count[]
  /** Path under which HTTP serves entries: `/users/:userId`. Nothing that stores know of. */
  readonly serve?: string | undefined
  /** By stored names. */
  readonly layout: ViewLayout
}

/** The row that owns an entry's fields: the entry exists for readers while the row exists. */
export type OwningRow = {
  /** As `canonicalTable` spells it. */
  readonly table: string
  /** The columns that hold the parts of the entry's key, in their order. */
  readonly key: readonly string[]
  readonly fields: readonly Field[]
}

/**
 * A column of the owning row. `name` is what readers of JSON see; `stored` is its name in stores,
 * the same unless an earlier declaration means something else by that name.
 */
export type Field = {
  readonly name: string
  readonly stored: string
  readonly column: string
  readonly type: ColumnType
}

/** `count(*)` of the rows of `table` whose columns `by` are the parts of the entry's key. */
export type Count = {
  readonly name: string
  readonly stored: string
  readonly table: string
  readonly by: readonly string[]
}

/** A view of these parts, with the layout that follows from them. */
export function viewOf(parts: Omit<View, 'layout'>): View {
  const { name, key, row, counts } = parts
  const fields = row.fields.map(({ stored, type }) => ({ name: stored, type }))
  return { ...parts, layout: { name, key, fields, counts: counts.map(({ stored }) => stored) } }
}

/** Every table that the view reads, each once. */
export function tablesOf(view: View): readonly string[] {
  return [...new Set([view.row.table, ...view.counts.map((count) => count.table)])]
}

/** The columns of `table` that the view needs, with the types that it can show. */
export function columnsOf(view: View, table: string): Readonly<Record<string, ColumnType>> {
  const columns: [string, ColumnType][] = []
  const addKey = (names: readonly string[]) => {
    for (const [at, name] of names.entries()) columns.push([name, view.key[at]!.type])
  }
  for (const count of view.counts) if (count.table === table) addKey(count.by)
  if (view.row.table === table) {
    addKey(view.row.key)
    for (const field of view.row.fields) columns.push([field.column, field.type])
  }
  return Object.fromEntries(columns)
}

/** Those of them that a retract needs: the entry's key, and what rows are counted by. */
export function retractColumnsOf(view: View, table: string): readonly string[] {
  const groups = view.counts.filter((count) => count.table === table).flatMap((count) => count.by)
  return [...new Set(view.row.table === table ? [...view.row.key, ...groups] : groups)]
}

/** The key of the entry that a row gives to; undefined where one of the columns is null. */
export function entryOf(row: Row, columns: readonly string[]): string | undefined {
  if (columns.length > 1) return spellKey(columns.map((column) => textOf(row[column])))
  return textOf(row[columns[0]!]) ?? undefined
}

function textOf(value: Row[string] | undefined): string | null | undefined {
  return typeof value === 'bigint' ? String(value) : value
}
