/**
 * Advisory locks, held until the end of a transaction, taken at its beginning, in this order:
 *
 *   view     shared by all that writes under an epoch; alone by what begins or turns an epoch
 *   tickets  shared by all that puts or removes rows; alone by a look that leaves its tickets
 *
 * They are queues: who wants one alone is not starved by a stream of those that share it. Rows are
 * locked after them, in this order: checkpoint, tickets, entries, cells, the view's row in
 * millrace.views, then what hangs on that one: doubts, parked records, barriers. Of tickets, entries
 * and cells several are locked at once, by their key's order. So nobody waits in a circle.
 */
import { createHash } from 'node:crypto'

export type ViewLocks = {
  readonly shared: string
  readonly alone: string
  readonly ticketsShared: string
  /** The number of the lock that `ticketsShared` shares. */
  readonly tickets: bigint
}

export function locksOf(view: string): ViewLocks {
  const [whole, tickets] = [lockNumber(view), lockNumber(`${view}/tickets`)]
  return {
    shared: `select pg_advisory_xact_lock_shared(${whole})`,
    alone: `select pg_advisory_xact_lock(${whole})`,
    ticketsShared: `select pg_advisory_xact_lock_shared(${tickets})`,
    tickets,
  }
}

/** One process at a time changes tables. */
export const schemaLock = `select pg_advisory_xact_lock(${lockNumber('/schema')})`

/** A number that no other name has. Views' names hold no slash. */
function lockNumber(name: string): bigint {
  return createHash('sha256').update(`millrace:${name}`).digest().readBigInt64BE()
}
