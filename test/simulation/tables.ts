/** The tables of the simulated source, and what their rows give to entries. */
import type { Row, Value } from '../../src/change.ts'
import type { Count, RowGroup, Tally } from '../../src/view/view.ts'
import { keyOf } from './keys.ts'

export type Table = {
  readonly primaryKey: readonly string[]
  readonly columns: readonly string[]
  /** Replica identity that views need: whole rows, or the primary key. */
  readonly needs: 'full' | 'default'
}

export const tables: Readonly<Record<string, Table>> = {
  users: { primaryKey: ['user_id'], columns: ['user_id', 'name', 'place'], needs: 'full' },
  tweets: {
    primaryKey: ['tweet_id'],
    columns: ['tweet_id', 'user_id', 'mentioned_id'],
    needs: 'full',
  },
  follows: {
    primaryKey: ['follower_id', 'followee_id'],
    columns: ['follower_id', 'followee_id'],
    needs: 'default',
  },
  likes: {
    primaryKey: ['user_id', 'tweet_id'],
    columns: ['user_id', 'tweet_id'],
    needs: 'default',
  },
  /** Of no view. */
  audit: { primaryKey: ['audit_id'], columns: ['audit_id'], needs: 'default' },
  visits: {
    primaryKey: ['visit_id'],
    columns: ['visit_id', 'user_id', 'at', 'place_id'],
    needs: 'full',
  },
  /** What is given back has a number below zero. */
  sales: {
    primaryKey: ['sale_id'],
    columns: ['sale_id', 'user_id', 'at', 'pieces'],
    needs: 'full',
  },
}

export const tableNames = Object.keys(tables)

export function primaryKeyOf(table: string, row: Row): Row {
  return Object.fromEntries(tables[table]!.primaryKey.map((column) => [column, row[column]!]))
}

export function nameOf(key: Row): string {
  return Object.values(key).map(String).join(',')
}

export function rowOf(table: string, values: readonly Value[]): Row {
  return Object.fromEntries(tables[table]!.columns.map((column, i) => [column, values[i] ?? null]))
}

/** Items of a tally up to which a look tells all of them: few, so that larger ones are met. */
export const cellsMax = 2

/** What a row adds to the entry, as views have it, and told apart from them. */
export function weightOf(count: Count, row: Row | undefined, key: string): bigint {
  const { adds } = count
  if (!row || !isOf(count, row, key)) return 0n
  if (adds.kind === 'row') return 1n
  const value = row[adds.column]!
  if (value === null) return 0n
  return adds.kind === 'sum' ? BigInt(value) : 1n
}

/** The item of the entry that a row adds 1 to. */
export function cellOf(tally: Tally, row: Row | undefined, key: string): string | undefined {
  const { item } = tally
  if (!row || !isOf(tally, row, key)) return undefined
  if (item.kind === 'values') {
    const value = row[item.columns[0]!.column]!
    return value === null ? undefined : String(value)
  }
  const order = row[item.order.column]!
  if (order === null) return undefined
  const wide = [order, ...item.key.map(({ column }) => row[column]!)].map((value) =>
    String(BigInt(value) + 2n ** 63n + 1n).padStart(20, '0'),
  )
  const fields = item.fields.map(({ column }) => row[column]!)
  return JSON.stringify([
    ...wide,
    ...fields.map((value) => (value === null ? null : String(value))),
  ])
}

function isOf({ by, where }: RowGroup, row: Row, key: string): boolean {
  if (keyOf(row, by) !== key) return false
  return where.every(({ column, is, values }) => {
    const value = row[column]!
    if (is === 'null' || is === 'not null') return (value === null) === (is === 'null')
    if (is === '>') return value !== null && BigInt(value) > BigInt(values[0]!)
    if (is === '=') return value !== null && String(value) === values[0]
    if (is === 'in') return value !== null && values.includes(String(value))
    throw new Error(`no view of the simulation asks for ${is}`)
  })
}
