import type { Mutation } from '../../mutation.ts'
import { fitsCell, fitsInt64, overflowError } from '../checks.ts'
import { MillraceError } from '../../errors.ts'
import { tallyName } from './cell-sql.ts'
import type { PostgresConnection, SqlRow, Transaction } from './connection.ts'
import { sqlValue } from './entry-columns.ts'
import { parseItems, type EntrySql } from './entry-sql.ts'

export type Change = Pick<Mutation, 'entry' | 'put' | 'add' | 'cells'>

export type BelowZero = { readonly entry: string; readonly count: string }

/**
 * Applies the changes, at most one for an entry; answers counters and tallies that stand below zero
 * now. Whoever touches entries and cells locks entries first: those that are changed, then those of
 * which only cells are, so two batches may wait for each other, and Postgres ends one of them.
 */
export async function mutate(
  transaction: Transaction,
  sql: EntrySql,
  changes: readonly Change[],
): Promise<readonly BelowZero[]> {
  const others = changes.filter((change) => !changesEntry(change))
  const counts = [
    ...(await mutateEntries(transaction, sql, changes.filter(changesEntry))),
    ...(await touchEntries(transaction, sql, others)),
  ]
  const tallies = await mutateCells(transaction, sql, changes.filter(hasCells))
  if (counts.length === 0 && tallies.length === 0) return []
  const order = new Map(changes.map(({ entry }, index) => [entry, index]))
  return [...counts, ...tallies].toSorted((a, b) => order.get(a.entry)! - order.get(b.entry)!)
}

/**
 * Rejects with an overflow that names its entry, given one of Postgres, which does not: looks for it
 * after the transaction was rolled back. Rejects with any other error as it is.
 */
export async function rejectNamed(
  error: unknown,
  { connection, sql, changes }: Overflowing,
): Promise<never> {
  if (!(error instanceof MillraceError) || error.code !== 'store-overflow') throw error
  const { rows } = await connection.query(
    `select ${sql.columns} from ${sql.table} e where ${sql.among(1)}`,
    sql.values(changes.map(({ entry }) => entry)),
  )
  const held = new Map(rows.map((row) => [row.entry as string, sql.counts(row)]))
  for (const { entry, add } of changes) {
    for (const count in add) {
      const before = held.get(entry)?.[count] ?? 0n
      if (!fitsInt64(before + add[count]!)) throw overflowError(entry, count)
    }
  }
  for (const { entry, cells } of changes) {
    for (const [tally, items] of cells ?? []) {
      const values = [tallyName(tally), [...items.keys()], ...sql.values([entry]).flat()]
      const found = (await connection.query(sql.cells.amounts, values)).rows[0]!.amounts
      for (const { item, amount } of parseItems(found)) {
        if (!fitsCell(amount + items.get(item)!)) throw overflowError(entry, tally)
      }
    }
  }
  throw error
}

type Overflowing = {
  readonly connection: PostgresConnection
  readonly sql: EntrySql
  readonly changes: readonly Change[]
}

/** An entry of which only cells are changed needs no row. */
function changesEntry({ put, add, cells }: Change): boolean {
  return put !== undefined || !cells || Object.keys(add).length > 0
}

function hasCells({ cells }: Change): boolean {
  return cells !== undefined
}

async function mutateEntries(
  transaction: Transaction,
  sql: EntrySql,
  changes: readonly Change[],
): Promise<readonly BelowZero[]> {
  if (changes.length === 0) return []
  const { fields, counts } = sql.layout
  const { rows } = await transaction.query(sql.apply, [
    ...sql.values(changes.map(({ entry }) => entry)),
    changes.map(({ put }) => (put === undefined ? null : put !== null)),
    ...fields.map((field) => changes.map(({ put }) => sqlValue(field, put?.[field.name]))),
    ...counts.map((count) => changes.map(({ add }) => add[count] ?? null)),
  ])
  return settle(transaction, sql, rows)
}

/** A row that says nothing may lie beside cells, and goes when they are touched. */
async function touchEntries(
  transaction: Transaction,
  sql: EntrySql,
  changes: readonly Change[],
): Promise<readonly BelowZero[]> {
  if (changes.length === 0) return []
  const keys = changes.map(({ entry }) => entry)
  return settle(transaction, sql, (await transaction.query(sql.touch, sql.values(keys))).rows)
}

/** Removes rows that hold nothing and answers what is below zero, given what touched rows told. */
async function settle(
  transaction: Transaction,
  sql: EntrySql,
  rows: readonly SqlRow[],
): Promise<readonly BelowZero[]> {
  const empty = rows.filter((row) => row.empty).map(({ entry }) => entry as string)
  if (empty.length > 0) await transaction.query(sql.removeEmpty, sql.values(empty))
  return rows.flatMap((row) => {
    const [entry, amounts] = [row.entry as string, sql.counts(row)]
    const below = sql.layout.counts.filter((count) => amounts[count]! < 0n)
    return below.map((count) => ({ entry, count }))
  })
}

async function mutateCells(
  transaction: Transaction,
  sql: EntrySql,
  changes: readonly Change[],
): Promise<readonly BelowZero[]> {
  if (changes.length === 0) return []
  const given = changes.flatMap(({ entry, cells }) =>
    [...cells!].flatMap(([tally, items]) =>
      [...items].map(([item, amount]) => ({ entry, tally: tallyName(tally), item, amount })),
    ),
  )
  const { rows } = await transaction.query(sql.cells.apply, [
    ...sql.values(given.map(({ entry }) => entry)),
    given.map(({ tally }) => tally),
    given.map(({ item }) => item),
    given.map(({ amount }) => amount),
  ])
  const zeros = rows.filter((row) => !row.below).map(({ place }) => place as string)
  if (zeros.length > 0) await transaction.query(sql.cells.removeZeros, [zeros])
  const below = new Set(rows.filter((row) => row.below).map((row) => nameOf(row)))
  return changes.flatMap(({ entry, cells }) =>
    [...cells!.keys()].flatMap((count) =>
      below.has(nameOf({ entry, tally: tallyName(count) })) ? [{ entry, count }] : [],
    ),
  )
}

function nameOf({ entry, tally }: { readonly entry?: unknown; readonly tally?: unknown }): string {
  return JSON.stringify([entry, tally])
}
