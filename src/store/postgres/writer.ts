import type { ViewLayout } from '../../mutation.ts'
import { checkCommit } from '../checks.ts'
import { encodeProblem } from '../codec.ts'
import type { Checkpoint, Doubt, Epoch, Problem } from '../state.ts'
import type { Commit, CommitResult, ViewWriter } from '../writer.ts'
import { checkpointsSql, checkpointValues, parseCheckpoints } from './checkpoints.ts'
import { statement, type Transaction } from './connection.ts'
import { raiseDoubts } from './doubts.ts'
import type { EntrySql } from './entry-sql.ts'
import { mutate, rejectNamed } from './mutate.ts'
import { keepParked } from './parked.ts'
import { storableJson } from './state.ts'
import type { ViewParts } from './view-parts.ts'

export class PostgresWriter implements ViewWriter {
  readonly #parts: ViewParts
  readonly #layout: ViewLayout

  constructor(parts: ViewParts, layout: ViewLayout) {
    this.#parts = parts
    this.#layout = layout
  }

  async checkpoints(epoch: Epoch): Promise<ReadonlyMap<string, Checkpoint>> {
    const { connection, view } = this.#parts
    return parseCheckpoints((await connection.query(checkpointsText, [view, epoch])).rows)
  }

  async commit(commit: Commit): Promise<CommitResult> {
    checkCommit(commit, this.#layout)
    const { connection, table } = this.#parts
    return table.with(this.#layout, async (sql) => {
      const changes = commit.mutations
      const done = this.#commit(commit, sql)
      const result = await done.catch((error) => rejectNamed(error, { connection, sql, changes }))
      return result ?? this.#conflict(commit)
    })
  }

  async raise(epoch: Epoch, doubt: Doubt): Promise<boolean> {
    const { connection, view } = this.#parts
    return raiseDoubts(connection, { view, epoch }, [doubt])
  }

  async report(place: string, problem: Problem | undefined): Promise<void> {
    const { connection, view } = this.#parts
    if (!problem) {
      const text = 'delete from millrace.problems where view = $1 and place = $2'
      await connection.query(text, [view, place])
      return
    }
    await connection.query(
      `insert into millrace.problems (view, place, problem) values ($1, $2, $3)
       on conflict (view, place) do update set problem = excluded.problem`,
      [view, place, storableJson(encodeProblem(problem))],
    )
  }

  /** Columns have types, and whatever fits them is an entry. */
  async displace(): Promise<string | undefined> {
    return undefined
  }

  /** Undefined when the epoch or the checkpoint is another one, or the bound a lower one. */
  async #commit(commit: Commit, sql: EntrySql): Promise<CommitResult | undefined> {
    const { connection, view, locks } = this.#parts
    const { epoch, partition, mutations, parked, doubts } = commit
    const rows = mutations.filter(({ put }) => put !== undefined).map(({ entry }) => entry)
    const begin = rows.length > 0 ? [locks.shared, locks.ticketsShared] : [locks.shared]
    return connection.transaction(begin, async (transaction) => {
      if (!(await this.#move(transaction, commit))) return undefined
      if (rows.length > 0) await transaction.query(takeRowTickets, [view, rows])
      const belowZero = await mutate(transaction, sql, mutations)
      if (parked.length > 0) await keepParked(transaction, view, partition, parked)
      if (doubts.length > 0) await raiseDoubts(transaction, { view, epoch }, doubts)
      return { kind: 'applied', belowZero }
    })
  }

  async #move(transaction: Transaction, commit: Commit): Promise<boolean> {
    const { epoch, partition, from, to, leftOutBelow } = commit
    const place = [this.#parts.view, partition.topic, partition.partition]
    const values = [...place, epoch, from, ...checkpointValues(to), leftOutBelow ?? null]
    return (await transaction.query(moveText, values)).rowCount === 1
  }

  async #conflict({ epoch, partition }: Commit): Promise<CommitResult> {
    const { connection, view } = this.#parts
    const values = [view, epoch, partition.topic, partition.partition]
    const { rows } = await connection.query(checkpointText, values)
    const [found] = parseCheckpoints(rows).values()
    return { kind: 'conflict', found }
  }
}

const checkpointsText = statement(
  'checkpoints',
  `select ${checkpointsSql} from millrace.views v join millrace.checkpoints c using (view)
   where view = $1 and v.epoch = $2`,
)

const checkpointText = statement(
  'checkpoint',
  `${checkpointsText.text} and c.topic = $3 and c.partition = $4`,
)

/** Whoever holds the view shared sees an epoch that does not turn. */
const moveText = statement(
  'move checkpoint',
  `update millrace.checkpoints c set next = $6, last_offset = $7, last_hash = $8,
     window_from = $9, key_schema = $10
   where c.view = $1 and c.topic = $2 and c.partition = $3 and c.next = $5
     and exists (
       select from millrace.views v where v.view = $1 and v.epoch = $4
         and coalesce(v.keep_from >= $11::bigint, $11::bigint is null)
     )`,
)

/** Whose row is put or removed is known by a newer row now than a look has seen. */
const takeRowTickets = statement(
  'take row tickets',
  `with held as materialized (
     select entry from millrace.tickets
     where view = $1 and entry = any($2::text[]) and row_ticket is not null
     order by entry for update
   )
   update millrace.tickets t set row_ticket = null
   from held where t.view = $1 and t.entry = held.entry`,
)
