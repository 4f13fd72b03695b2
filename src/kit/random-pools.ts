/** Values of columns that aggregates are made of: few, so that they meet, and such as fit. */
import type { Random } from '../random.ts'
import type { TypedColumn } from '../types/declare.ts'
import type { ColumnType } from '../types/types.ts'
import { itemColumns, type Count, type Tally } from '../view/view.ts'
import { randomValues } from './random-values.ts'
import type { ColumnValue } from './values.ts'

export type Pool = {
  readonly table: string
  readonly column: string
  readonly values: readonly ColumnValue[]
}

/** Values of a column. */
const valuesMax = 6

/** The first pool of a column is the one that it has values from. */
export function pooledColumns(groups: readonly (Count | Tally)[], random: Random): readonly Pool[] {
  const pools: Pool[] = []
  const add = (table: string, { column, type }: TypedColumn, more: readonly ColumnValue[] = []) => {
    pools.push({ table, column, values: [...more, ...randomValues(type, random, valuesMax)] })
  }
  // Digits that are kept are needed whatever else the column is for, the fewest of them.
  for (const { table, column, type, scale } of scaledColumns(groups)) {
    pools.push({ table, column, values: numbersOf(type, scale, random) })
  }
  for (const { table, where } of groups) {
    for (const condition of where)
      add(table, condition, condition.values.map(asValue(condition.type)))
  }
  for (const group of groups) {
    if ('item' in group) for (const column of itemColumns(group.item)) add(group.table, column)
  }
  return pools
}

type Scaled = TypedColumn & { readonly table: string; readonly scale: number }

function scaledColumns(groups: readonly (Count | Tally)[]): readonly Scaled[] {
  const scaled = groups.flatMap((group): readonly Scaled[] => {
    const { table } = group
    if ('adds' in group) return group.adds.kind === 'sum' ? [{ table, ...group.adds }] : []
    const { item } = group
    const isNumeric = item.kind === 'row' && item.order.type === 'numeric'
    return isNumeric ? [{ table, ...item.order, scale: item.scale }] : []
  })
  return scaled.toSorted((a, b) => a.scale - b.scale)
}

/** Small, so that no sum of theirs leaves 64 bits. */
function numbersOf(type: ColumnType, scale: number, random: Random): readonly ColumnValue[] {
  const digits = type === 'numeric' ? scale : 0
  return Array.from({ length: valuesMax }, () => {
    const whole = String(random.integer(-100, 100))
    return digits === 0 ? whole : `${whole}.${String(random.integer(0, 9)).padStart(digits, '0')}`
  })
}

/** Constants are canonical texts. */
function asValue(type: ColumnType): (text: string) => ColumnValue {
  return (text) => (type === 'boolean' ? text === 'true' : text)
}
