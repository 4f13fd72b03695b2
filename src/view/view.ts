/**
 * A view as data: what `defineView` makes of a declaration. From it come the fold, the columns to
 * decode, the replica identity that each table needs, the truth query, the layout in a store, the
 * JSON and its schema.
 */
import { createHash } from 'node:crypto'
import type { Row } from '../change.ts'
import { spellKey } from '../entry-key.ts'
import type { NamedPart, Slice, ViewLayout } from '../mutation.ts'
import type { TypedColumn } from '../types/declare.ts'
import type { ColumnType } from '../types/types.ts'
import { windowFormOf, type KeyPart } from '../types/windows.ts'
import type { Condition } from './condition.ts'
import type { Lookup } from './lookup.ts'
import type { Respond } from './respond.ts'

export type View = {
  readonly name: string
  /** The parts of the entries' key, at least one. */
  readonly key: readonly NamedPart[]
  /** Undefined where an entry exists while any row is counted in it. */
  readonly row: OwningRow | undefined
  readonly counts: readonly Count[]
  readonly tallies: readonly Tally[]
  readonly aggregates: readonly Aggregate[]
  /** How long entries are kept, in seconds, by the one part of their key that is a time. */
  readonly keep?: number | undefined
  /** How long a partition waits after a commit. Nothing that stores know of. */
  readonly lingerMs?: number | undefined
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
  /** Name of the tally, where it is made of one, which others may be made of too. */
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
  const fields = fieldsOf(parts).map(({ stored, type }) => ({ name: stored, type }))
  const layout = {
    name,
    key,
    fields,
    counts: counts.map(({ stored }) => stored),
    presence: row ? [] : presenceOf(parts),
    tallies: tallies.map(({ stored }) => ({ name: stored })),
    slices: aggregates.flatMap(({ name: slice, tally: of, slice: which }) => {
      const tally = tallies.find((each) => each.name === of)
      return tally && which ? [{ name: slice, tally: tally.stored, ...which }] : []
    }),
  }
  return { ...parts, layout }
}

/** Whether rows alone explain a number below zero. */
export function mayBeNegative({ counts }: View, stored: string): boolean {
  return counts.some((count) => count.stored === stored && count.adds.kind === 'sum')
}

/** Every table that the view reads, each once. */
export function tablesOf(view: View): readonly string[] {
  const owner = view.row ? [view.row.table] : []
  return [...new Set([...owner, ...rowGroupsOf(view).map(({ table }) => table)])]
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
  if (view.row?.table === table) {
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
  return [...new Set(view.row?.table === table ? [...view.row.key, ...groups] : groups)]
}

/**
 * The key of the entry that a row gives to; undefined where one of the columns is null, or falls into
 * no window.
 */
export function entryOf(
  { key }: Pick<View, 'key'>,
  row: Row,
  columns: readonly string[],
): string | undefined {
  if (columns.length === 1) return partOf(key[0]!, row[columns[0]!])
  return spellKey(columns.map((column, at) => partOf(key[at]!, row[column])))
}

function partOf({ type, window }: KeyPart, value: Row[string] | undefined): string | undefined {
  if (value === null || value === undefined) return undefined
  return window ? windowFormOf(type, window).startOf(String(value)) : String(value)
}

/** The owning row's fields, where there is one. */
export function fieldsOf({ row }: Pick<View, 'row'>): readonly Field[] {
  return row?.fields ?? []
}

type Parts = Pick<View, 'row' | 'counts' | 'tallies'>

/** Stored names of the counts of each group's rows, which in a view without owning rows all have. */
function presenceOf({ counts, tallies }: Parts): readonly string[] {
  const groups = new Map([...counts, ...tallies].map((group) => [groupName(group), group]))
  return [...groups.keys()].map((name) => {
    const count = counts.find((each) => each.adds.kind === 'row' && groupName(each) === name)
    if (!count) throw new Error(`nothing counts the rows of ${name}`)
    return count.stored
  })
}

/**
 * Counts that readers do not see, one for each group whose rows no other count counts: without an
 * owning row they tell whether an entry exists, for numbers of rows that are there may add up to 0.
 */
export function hiddenCounts({ row, counts, tallies }: Parts): readonly Count[] {
  if (row) return []
  const counted = new Set(counts.filter(({ adds }) => adds.kind === 'row').map(groupName))
  const groups = [...counts, ...tallies].filter((group) => !counted.has(groupName(group)))
  return [...new Map(groups.map((group) => [groupName(group), group])).entries()].map(
    ([group, { table, by, where }]) => {
      const name = `rows${createHash('sha256').update(group).digest('hex').slice(0, 12)}`
      return { name, stored: name, table, by, where, adds: { kind: 'row' } }
    },
  )
}

/** Equal for counts of the same rows. */
function groupName({ table, by, where }: RowGroup): string {
  return JSON.stringify([table, by, where])
}
