import type { Mutation } from '../../mutation.ts'
import { fitsInt64, overflowError } from '../checks.ts'
import { MillraceError } from '../../errors.ts'
import type { PostgresConnection, Transaction } from './connection.ts'
import { sqlValue } from './entry-columns.ts'
import type { EntrySql } from './entry-sql.ts'

export type Change = Pick<Mutation, 'entry' | 'put' | 'add'>

export type BelowZero = { readonly entry: string; readonly count: string }

/** Applies the changes, at most one for an entry; answers counters that stand below zero now. */
export async function mutate(
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
  const empty = rows.filter((row) => row.empty).map(({ entry }) => entry as string)
  if (empty.length > 0) await transaction.query(sql.removeEmpty, sql.values(empty))
  const order = new Map(changes.map(({ entry }, index) => [entry, index]))
  return rows
    .flatMap((row) => {
      const [entry, amounts] = [row.entry as string, sql.counts(row)]
      return counts.filter((count) => amounts[count]! < 0n).map((count) => ({ entry, count }))
    })
    .toSorted((a, b) => order.get(a.entry)! - order.get(b.entry)!)
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
  throw error
}

type Overflowing = {
  readonly connection: PostgresConnection
  readonly sql: EntrySql
  readonly changes: readonly Change[]
}
