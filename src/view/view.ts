/**
 * A view as data: what `defineView` makes of a declaration. From it come the fold, the columns to
 * decode, the replica identity that each table needs, the truth query, the layout in a store, the
 * JSON and its schema.
 */
import type { Row } from '../change.ts'
import { spellKey } from '../entry-key.ts'
import type { NamedColumn, Slice, ViewLayout } from '../mutation.ts'
import type { TypedColumn } from '../types/declare.ts'
import type { ColumnType } from '../types/types.ts'
import type { Condition } from './condition.ts'
import type { Lookup } from './lookup.ts'
import type { Respond } from './respond.ts'

export type View = {
  readonly name: string
  /** The parts of the entries' key, at least one. */
  readonly key: readonly NamedColumn[]
  readonly row: OwningRow
  readonly counts: readonly Count[]
  readonly tallies: readonly Tally[]
  readonly aggregates: readonly Aggregate[]
  /** Path under which HTTP serves entries: `/users/:userId`. Nothing that stores know of. */
  readonly serve?: string | undefined
  /** What is read with an entry of other views. Nothing that stores know of. */
  readonly lookups?: readonly Lookup[] | undefined
  /** What HTTP answers instead of the entry. Nothing that stores know of either. */
  readonly respond?: Respond | undefined
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

/** Rows of `table` that meet `where`, each of the entry whose key its columns `by` hold. */
export type RowGroup = {
  readonly table: string
  readonly by: readonly string[]
  readonly where: readonly Condition[]
}

/** A number that rows add to. Stores keep it as an integer of 64 bits. */
export type Count = RowGroup & {
  readonly name: string
  readonly stored: string
  readonly adds: Adds
}

/** Integers by item, to one of which each row adds 1. */
export type Tally = RowGroup & {
  readonly name: string
  readonly stored: string
  readonly item: ItemForm
}

/** Which item a row adds to. */
export type ItemForm =
  /** That of its values, as `spellKey` spells them; none where one of them is null. */
  | { readonly kind: 'values'; readonly columns: readonly TypedColumn[] }
  /** One of its own, which begins with the value that it is ordered by; none where that is null. */
  | {
      readonly kind: 'row'
      readonly order: TypedColumn
      /** Decimal digits behind the point of an order that is numeric. */
      readonly scale: number
      /** The whole primary key: rows of the same order stand in its order. */
      readonly key: readonly TypedColumn[]
      readonly fields: readonly TypedColumn[]
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
export type Aggregate = Shows & {
  readonly name: string
  /** As `aggregates/index.ts` calls it. */
  readonly kind: string
  /** Names of the numbers, in the order of `kind`. */
  readonly counts: readonly string[]
  /** Name of the tally, where it is made of one. */
  readonly tally?: string | undefined
}

export type Shows = {
  /** Decimal digits behind the point: of the column, and of what readers see. */
  readonly scale: number
  readonly digits: number
  /** Of the tally: which items, and what of each. */
  readonly slice?: Slice | undefined
  readonly parts?: readonly ItemPart[] | undefined
}

/** The column of an item, by its place among `itemColumns`, that readers see under `name`. */
export type ItemPart = { readonly name: string; readonly at: number }

/** A view of these parts, with the layout that follows from them. */
export function viewOf(parts: Omit<View, 'layout'>): View {
  const { name, key, row, counts, tallies, aggregates } = parts
  const fields = row.fields.map(({ stored, type }) => ({ name: stored, type }))
  const layout = {
    name,
    key,
    fields,
    counts: counts.map(({ stored }) => stored),
    tallies: tallies.map((tally) => ({
      name: tally.stored,
      slice: aggregates.find((aggregate) => aggregate.tally === tally.name)?.slice,
    })),
  }
  return { ...parts, layout }
}

/** Whether rows alone explain a number below zero. */
export function mayBeNegative({ counts }: View, stored: string): boolean {
  return counts.some((count) => count.stored === stored && count.adds.kind === 'sum')
}

/** Every table that the view reads, each once. */
export function tablesOf(view: View): readonly string[] {
  return [...new Set([view.row.table, ...rowGroupsOf(view).map(({ table }) => table)])]
}

/** The columns of `table` that the view needs, with the types that it can show. */
export function columnsOf(view: View, table: string): Readonly<Record<string, ColumnType>> {
  const columns: [string, ColumnType][] = []
  const addKey = (names: readonly string[]) => {
    for (const [at, name] of names.entries()) columns.push([name, view.key[at]!.type])
  }
  for (const group of rowGroupsOf(view)) {
    if (group.table !== table) continue
    addKey(group.by)
    for (const { column, type } of [...group.where, ...givenColumns(group)]) {
      columns.push([column, type])
    }
  }
  if (view.row.table === table) {
    addKey(view.row.key)
    for (const field of view.row.fields) columns.push([field.column, field.type])
  }
  return Object.fromEntries(columns)
}

/** All that rows give to, besides the fields of the owning row. */
export function rowGroupsOf({ counts, tallies }: View): readonly (Count | Tally)[] {
  return [...counts, ...tallies]
}

/** The columns that say to which entry a row gives, and what. */
export function countedColumns(group: Count | Tally): readonly string[] {
  const more = [...group.where, ...givenColumns(group)].map(({ column }) => column)
  return [...new Set([...group.by, ...more])]
}

/** The columns that an item is made of, in their order. */
export function itemColumns(item: ItemForm): readonly TypedColumn[] {
  return item.kind === 'values' ? item.columns : [item.order, ...item.key, ...item.fields]
}

/** The columns that say what a row gives. */
function givenColumns(group: Count | Tally): readonly TypedColumn[] {
  if ('item' in group) return itemColumns(group.item)
  return group.adds.kind === 'row' ? [] : [group.adds]
}

/** Those of them that a retract needs: the entry's key, and what aggregates are made of. */
export function retractColumnsOf(view: View, table: string): readonly string[] {
  const groups = rowGroupsOf(view)
    .filter((group) => group.table === table)
    .flatMap(countedColumns)
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
