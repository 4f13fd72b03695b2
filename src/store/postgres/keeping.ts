import type { ViewLayout } from '../../mutation.ts'
import { checkKeys } from '../checks.ts'
import type { KeepStep, Removal, ViewKeeping } from '../keeping.ts'
import { limits } from '../limits.ts'
import { statement, type Transaction } from './connection.ts'
import type { EntrySql } from './entry-sql.ts'
import type { ViewParts } from './view-parts.ts'

export class PostgresKeeping implements ViewKeeping {
  readonly #parts: ViewParts
  readonly #layout: ViewLayout

  constructor(parts: ViewParts, layout: ViewLayout) {
    this.#parts = parts
    this.#layout = layout
  }

  async raise({ epoch, before, after }: KeepStep): Promise<boolean> {
    const { connection, view } = this.#parts
    const values = [view, epoch, before ?? null, after]
    return (await connection.query(raiseText, values)).rowCount === 1
  }

  /** Cells go first, some of them at a time: nobody reads or compares what is below the bound. */
  async remove(removal: Removal): Promise<number | undefined> {
    checkKeys(removal.keys, limits.lookKeysMax)
    const { table } = this.#parts
    return table.with(this.#layout, async (sql) => {
      const keys = table.possible(removal.keys)
      const values = sql.values(keys)
      const withCells = await table.cells.exists()
      const there = withCells ? await this.#keysWithCells(sql, values) : []
      for (let left = withCells; left;) {
        const removed = await this.#step(removal, async (transaction) => {
          const { rows } = await transaction.query(sql.cells.findAll, values)
          const places = rows.map(({ place }) => place as string)
          if (places.length > 0) await transaction.query(sql.cells.remove, [places])
          return places.length
        })
        if (removed === undefined) return undefined
        left = removed > 0
      }
      const entries = await this.#step(removal, (transaction) =>
        this.#removeEntries(transaction, sql, keys),
      )
      return entries && new Set([...there, ...entries]).size
    })
  }

  async #keysWithCells(
    sql: EntrySql,
    values: readonly (readonly (string | null)[])[],
  ): Promise<readonly string[]> {
    const { rows } = await this.#parts.connection.query(sql.cells.holders, values)
    return rows.map(({ entry }) => entry as string)
  }

  /** Undefined where the epoch is another one, or the bound a lower one. */
  async #step<T>(
    { epoch, bound }: Removal,
    work: (transaction: Transaction) => Promise<T>,
  ): Promise<T | undefined> {
    const { connection, view, locks } = this.#parts
    return connection.transaction([locks.shared, locks.ticketsShared], async (transaction) => {
      const { rowCount } = await transaction.query(boundText, [view, epoch, bound])
      return rowCount === 0 ? undefined : work(transaction)
    })
  }

  /** Tickets and entries are locked in the order in which batches lock them. */
  async #removeEntries(
    transaction: Transaction,
    sql: EntrySql,
    keys: readonly string[],
  ): Promise<readonly string[]> {
    const { table, order, entryText } = sql
    const those = sql.among(1)
    const values = sql.values(keys)
    await transaction.query(ticketsText, [this.#parts.view, keys])
    await transaction.query(
      `select from ${table} e where ${those} order by ${order} for update`,
      values,
    )
    const { rows } = await transaction.query(
      `delete from ${table} e where ${those} returning ${entryText} as entry`,
      values,
    )
    return rows.map(({ entry }) => entry as string)
  }
}

const raiseText = statement(
  'raise keep',
  `update millrace.views set keep_from = $4
   where view = $1 and epoch = $2 and keep_from is not distinct from $3::bigint
     and coalesce($4 > keep_from, true)`,
)

const boundText = 'select from millrace.views where view = $1 and epoch = $2 and keep_from >= $3'

const ticketsText = `with held as materialized (
    select entry from millrace.tickets where view = $1 and entry = any($2::text[])
    order by entry for update
  )
  delete from millrace.tickets t using held where t.view = $1 and t.entry = held.entry`
