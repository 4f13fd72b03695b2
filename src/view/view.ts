/**
 * A view as data: what `defineView` makes of a declaration. From it come the fold, the columns to
 * decode, the replica identity that each table needs, the truth query, the layout in a store, the
 * JSON and its schema.
 */
import type { Row } from '../change.ts'
import { spellKey } from '../entry-key.ts'
import type { NamedColumn, ViewLayout } from '../mutation.ts'
import type { ColumnType } from '../types/types.ts'
import type { Condition } from './condition.ts'

export type View = {
  readonly name: string
  /** The parts of the entries' key, at least one. */
  readonly key: readonly NamedColumn[]
  readonly row: OwningRow
  readonly counts: readonly Count[]
  readonly aggregates: readonly Aggregate[]
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

/**
 * A number that rows add to: of the rows of `table` that meet `where`, and whose columns `by` are
 * the parts of the entry's key. Stores keep it as an integer of 64 bits.
 */
export type Count = {
  readonly name: string
  readonly stored: string
  readonly table: string
  readonly by: readonly string[]
  readonly where: readonly Condition[]
  readonly adds: Adds
}

/** What one row adds: one; one where the column is not null; or the column's value. */
export type Adds =
  | { readonly kind: 'row' }
  | { readonly kind: 'value'; readonly column: string; readonly type: ColumnType }
  | {
      readonly kind: 'sum'
      readonly column: string
      readonly type: ColumnType
      /** Decimal digits behind the point that the integer has. */
      readonly scale: number
    }

/** What readers see of an entry's numbers: one of them, or what follows from several. */
export type Aggregate = {
  readonly name: string
  readonly kind: AggregateKind
  /** Names of the numbers, as `kind` has them. */
  readonly counts: readonly string[]
  /** Decimal digits behind the point: of the column, and of what readers see. */
  readonly scale: number
  readonly digits: number
}

export type AggregateKind = 'count' | 'sum' | 'average'

/** A view of these parts, with the layout that follows from them. */
export function viewOf(parts: Omit<View, 'layout'>): View {
  const { name, key, row, counts } = parts
  const fields = row.fields.map(({ stored, type }) => ({ name: stored, type }))
  return { ...parts, layout: { name, key, fields, counts: counts.map(({ stored }) => stored) } }
}

/** Whether rows alone explain a number below zero. */
export function mayBeNegative({ counts }: View, stored: string): boolean {
  return counts.some((count) => count.stored === stored && count.adds.kind === 'sum')
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
  for (const count of view.counts) {
    if (count.table !== table) continue
    addKey(count.by)
    for (const { column, type } of count.where) columns.push([column, type])
    if (count.adds.kind !== 'row') columns.push([count.adds.column, count.adds.type])
  }
  if (view.row.table === table) {
    addKey(view.row.key)
    for (const field of view.row.fields) columns.push([field.column, field.type])
  }
  return Object.fromEntries(columns)
}

/** The columns that say to which entry a row adds, and what. */
export function countedColumns({ by, where, adds }: Count): readonly string[] {
  const added = adds.kind === 'row' ? [] : [adds.column]
  return [...new Set([...by, ...where.map(({ column }) => column), ...added])]
}

/** Those of them that a retract needs: the entry's key, and what aggregates are made of. */
export function retractColumnsOf(view: View, table: string): readonly string[] {
  const groups = view.counts.filter((count) => count.table === table).flatMap(countedColumns)
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
