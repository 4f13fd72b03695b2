/** What one version of a row gives to each count and tally of a view. */
import type { Row } from '../change.ts'
import { fitsScale, scaled } from '../types/numeric.ts'
import { isMet } from './condition.ts'
import { itemOf, type Odd } from './item.ts'
import {
  countedColumns,
  entryOf,
  itemColumns,
  rowGroupsOf,
  type Adds,
  type Count,
  type Tally,
  type View,
} from './view.ts'

export type Giver = {
  /** Name of the count or tally in stores. */
  readonly stored: string
  /** Those that `given` needs. */
  readonly columns: readonly string[]
  /** Undefined where the row gives nothing. */
  given(row: Row): Given | Odd | undefined
}

export type Given = {
  readonly entry: string
  /** Undefined for a count. */
  readonly item: string | undefined
  readonly amount: bigint
}

const known = new WeakMap<View, ReadonlyMap<string, readonly Giver[]>>()

/** By table; worked out once for each view. */
export function giversOf(view: View): ReadonlyMap<string, readonly Giver[]> {
  const found = known.get(view)
  if (found) return found
  const givers = new Map<string, Giver[]>()
  for (const group of rowGroupsOf(view)) {
    givers.set(group.table, [...(givers.get(group.table) ?? []), giverOf(view, group)])
  }
  known.set(view, givers)
  return givers
}

function giverOf(view: View, group: Count | Tally): Giver {
  const { stored, by, where } = group
  const amountOf = 'item' in group ? cellOf(group) : numberOf(group.adds)
  return {
    stored,
    columns: countedColumns(group),
    given(row) {
      const entry = entryOf(view, row, by)
      if (entry === undefined) return undefined
      for (const condition of where) if (!isMet(condition, row)) return undefined
      const amount = amountOf(row)
      return amount === undefined || 'odd' in amount
        ? amount
        : { entry, item: amount.item, amount: amount.amount }
    },
  }
}

type Amount = Omit<Given, 'entry'> | Odd | undefined

function cellOf({ item: form }: Tally): (row: Row) => Amount {
  const columns = itemColumns(form).map(({ column }) => column)
  return (row) => {
    const item = itemOf(
      form,
      columns.map((column) => textOf(row[column])),
    )
    return typeof item === 'string' ? { item, amount: 1n } : item
  }
}

const one: Amount = { item: undefined, amount: 1n }

function numberOf(adds: Adds): (row: Row) => Amount {
  if (adds.kind === 'row') return () => one
  const { column } = adds
  return (row) => {
    const value = row[column] ?? null
    if (value === null) return undefined
    if (adds.kind === 'value') return one
    if (typeof value === 'bigint') return { item: undefined, amount: value }
    // No number, or more digits behind the point than are kept.
    if (!fitsScale(value, adds.scale)) return { odd: value }
    return { item: undefined, amount: scaled(value, adds.scale) }
  }
}

function textOf(value: Row[string] | undefined): string | null {
  return value === null || value === undefined ? null : String(value)
}
