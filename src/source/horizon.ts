/**
 * Which transactions that a snapshot does not see matter to where the log is read from. One that
 * had not begun to commit when it was asked, after the snapshot, will stand in the log behind all
 * that stood there before the snapshot. So an idle transaction holds nothing back, nor a prepared
 * one, nor one that has locked none of the tables.
 */
import type { Snapshot, TransactionId } from '../transaction.ts'
import { namedTables } from './named-tables.ts'
import { partitionsSql } from './partitions.ts'
import type { Rows } from './source-database.ts'

/** Who runs a transaction, or has prepared it. */
export type Holder = {
  /** Undefined for a prepared transaction. */
  readonly pid: number | undefined
  /** In words. */
  readonly words: string
  /** Milliseconds since 1970; undefined where this role may not see it. */
  readonly sinceMs: number | undefined
  /** True when it can't have begun to commit a change of this database. */
  readonly harmless: boolean
}

/** By the lower 32 bits of the transaction's id. */
export type Activity = ReadonlyMap<number, Holder>

/** A transaction that may have changed the tables and may have begun to commit. */
export type Pending = { readonly id: TransactionId; readonly holder: Holder | undefined }

/**
 * Asked in one transaction, after the snapshot. Sessions come before what is prepared: a COMMIT
 * PREPARED that ended in between was then seen while it ran. Postgres answers all questions for
 * sessions in a transaction from one reading.
 */
export const activityStatements: readonly string[] = [
  `select backend_xid::text, pid, usename, application_name, state,
      (extract(epoch from xact_start) * 1000)::float8, datid <> ${currentDatabase()},
      backend_type is not distinct from 'client backend'
    from pg_stat_activity where backend_xid is not null and pid <> pg_backend_pid()`,
  // COMMIT PREPARED stands alone in its message, so one that begins with another word is none. What
  // a session does that this role may not look at, or a subscription's worker, may be one.
  `select exists (select from pg_stat_activity where pid <> pg_backend_pid()
      and case when backend_type is null then usesysid is not null
        when backend_type like 'logical replication%worker' then true
        else state in ('active', 'fastpath function call', 'disabled')
          and coalesce(query, '') !~* '^\\s*(?!commit)[a-z(]' end)`,
  `select transaction::text, gid, owner, (extract(epoch from prepared) * 1000)::float8,
      database <> current_database() from pg_prepared_xacts`,
]

/** Takes the answers to `activityStatements`. */
export function readActivity([sessions, committing, prepared]: readonly Rows[]): Activity {
  const mayCommit = committing![0]![0] as boolean
  return new Map([
    ...(sessions as SessionRow[]).map(sessionOf),
    ...(prepared as PreparedRow[]).map((row) => preparedOf(row, mayCommit)),
  ])
}

/** Lowest id first. A transaction that nobody is found for has ended just now, and counts. */
export function pendingOf(snapshot: Snapshot, activity: Activity): readonly Pending[] {
  return [...snapshot.inProgress]
    .map((id) => ({ id, holder: activity.get(Number(BigInt.asUintN(32, id))) }))
    .filter(({ holder }) => holder?.harmless !== true)
    .toSorted((a, b) => Number(a.id > b.id) - Number(a.id < b.id))
}

/**
 * Sessions that may have changed one of the tables or a partition of it. To be asked before
 * `activityStatements`: whoever still runs then has held his locks all the time.
 */
export function lockersStatement(tables: readonly string[]): string {
  return `select distinct pid from pg_locks
    where locktype = 'relation' and database = ${currentDatabase()} and pid is not null
      and mode not in ('AccessShareLock', 'RowShareLock')
      and relation in (select part from ${namedTables(tables)}
        join pg_class t on t.relname = named.name
          and t.relnamespace = to_regnamespace(quote_ident(named.schema)),
        lateral ${partitionsSql('t.oid')} parts(part))`
}

/**
 * Leaves out what the second asking shows to be harmless: a session that still runs the transaction
 * and had locked none of the tables.
 */
export function withoutBystanders(
  pending: readonly Pending[],
  lockers: Rows,
  activity: Activity,
): readonly Pending[] {
  const concerned = new Set(lockers.map(([pid]) => pid as number))
  return pending.filter(({ id }) => {
    const holder = activity.get(Number(BigInt.asUintN(32, id)))
    if (holder?.pid === undefined) return holder?.harmless !== true
    return !holder.harmless && concerned.has(holder.pid)
  })
}

function currentDatabase(): string {
  return '(select oid from pg_database where datname = current_database())'
}

type SessionRow = [
  id: string,
  pid: number,
  user: string | null,
  application: string | null,
  state: string | null,
  sinceMs: number | null,
  elsewhere: boolean | null,
  client: boolean,
]

function sessionOf(row: SessionRow): [number, Holder] {
  const [id, pid, user, application, state, sinceMs, elsewhere, client] = row
  const idle = client && (state?.startsWith('idle in transaction') ?? false)
  const doing = state ?? 'in a state that only pg_read_all_stats shows'
  const words =
    `session ${pid} of ${user ?? 'nobody'} (${application || 'no name'}), ${doing}, ` +
    `in transaction ${id}${sinceWords(sinceMs)}`
  const harmless = elsewhere === true || idle
  return [Number(id), { pid, words, sinceMs: sinceMs ?? undefined, harmless }]
}

type PreparedRow = [
  id: string,
  name: string,
  owner: string | null,
  sinceMs: number,
  elsewhere: boolean,
]

function preparedOf(row: PreparedRow, mayCommit: boolean): [number, Holder] {
  const [id, name, owner, sinceMs, elsewhere] = row
  const words = `prepared transaction '${name}' of ${owner ?? 'nobody'}${sinceWords(sinceMs)}`
  return [Number(id), { pid: undefined, words, sinceMs, harmless: elsewhere || !mayCommit }]
}

function sinceWords(sinceMs: number | null): string {
  return sinceMs === null ? '' : ` since ${new Date(sinceMs).toISOString()}`
}
