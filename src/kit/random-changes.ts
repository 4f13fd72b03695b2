/** Random changes of a view's tables, of which many meet in the same entries. */
import type { Row } from '../change.ts'
import type { Random } from '../random.ts'
import { windowFormOf, type KeyPart } from '../types/windows.ts'
import type { View } from '../view/view.ts'
import { randomValue, randomValues } from './random-values.ts'
import type { RowValues, TestRows, TestTable } from './rows.ts'
import { canonicalValue, type ColumnValue } from './values.ts'

export type RandomChange =
  | { readonly kind: 'insert'; readonly table: TestTable; readonly values: RowValues }
  | {
      readonly kind: 'update'
      readonly table: TestTable
      readonly key: RowValues
      readonly values: RowValues
    }
  | { readonly kind: 'delete'; readonly table: TestTable; readonly key: RowValues }

export type ChangesParts = {
  readonly view: View
  readonly tables: ReadonlyMap<string, TestTable>
  readonly random: Random
}

/** Entries that are played with, about. */
const keysMax = 8
/** Rows of a table, about. */
const rowsMax = 40

export class RandomChanges {
  readonly #random: Random
  readonly #tables: readonly TestTable[]
  /** Values of the columns that rows belong to entries by. */
  readonly #pools = new Map<string, readonly ColumnValue[]>()

  constructor({ view, tables, random }: ChangesParts) {
    this.#random = random
    this.#tables = [...tables.values()]
    const count = Math.ceil(keysMax ** (1 / view.key.length))
    const parts = view.key.map((part) => poolOf(part, random, count))
    const keyed = [
      ...(view.row ? [view.row] : []),
      ...view.counts.map(({ table, by }) => ({ table, key: by })),
    ]
    for (const { table, key } of keyed) {
      for (const [at, column] of key.entries()) {
        const place = placeOf(table, column)
        if (!this.#pools.has(place)) this.#pools.set(place, parts[at]!)
      }
    }
  }

  /** One that the rows allow. */
  next(rows: TestRows): RandomChange {
    const random = this.#random
    const table = random.pick(this.#tables)
    const present = rows.of(table.name)
    const row = present.length > 0 ? random.pick(present) : undefined
    if (row && random.chance(present.length > rowsMax ? 0.7 : 0.2)) {
      return { kind: 'delete', table, key: keyOf(table, row) }
    }
    if (row && random.chance(0.4)) return this.#update(table, row, present)
    const values = this.#values(table, [...table.key, ...Object.keys(table.types)])
    const taken = present.find((each) => isSame(table, each, values))
    if (!taken) return { kind: 'insert', table, values }
    return { kind: 'update', table, key: keyOf(table, taken), values }
  }

  /** Of some columns; of the primary key now and then. */
  #update(table: TestTable, row: Row, present: readonly Row[]): RandomChange {
    const key = keyOf(table, row)
    const known = [...new Set([...table.key, ...Object.keys(table.types)])]
    const columns = known.filter((column) =>
      this.#random.chance(table.key.includes(column) ? 0.15 : 0.5),
    )
    const values = this.#values(table, columns)
    const moved = { ...row, ...values }
    const isTaken = present.some((each) => each !== row && isSame(table, each, moved))
    return isTaken ? { kind: 'delete', table, key } : { kind: 'update', table, key, values }
  }

  #values(table: TestTable, columns: readonly string[]): RowValues {
    const random = this.#random
    return Object.fromEntries(
      columns.map((column) => {
        if (!table.key.includes(column) && random.chance(0.15)) return [column, null]
        const pool = this.#pools.get(placeOf(table.name, column))
        if (pool) return [column, random.pick(pool)]
        const type = table.types[column]
        return [column, type ? randomValue(type, random) : random.integer(1, 30)]
      }),
    )
  }
}

/** Values of so many entries; of windows, the first and the last of each as well. */
function poolOf({ type, window }: KeyPart, random: Random, count: number): readonly ColumnValue[] {
  const values = randomValues(type, random, count)
  if (!window) return values
  const form = windowFormOf(type, window)
  return values.flatMap((value) => {
    const start = form.startOf(String(canonicalValue(type, value)))
    return start === undefined ? [value] : [value, start, form.lastOf(start)]
  })
}

function placeOf(table: string, column: string): string {
  return JSON.stringify([table, column])
}

function keyOf({ key }: TestTable, row: Row): RowValues {
  return Object.fromEntries(key.map((column) => [column, row[column]]))
}

function isSame({ key, types }: TestTable, row: Row, values: RowValues): boolean {
  return key.every((column) => {
    const type = types[column]
    const value = type ? canonicalValue(type, values[column]) : values[column]
    return String(value) === String(row[column])
  })
}
