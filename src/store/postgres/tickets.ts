/**
 * Tickets: for each entry, that of the last look at its amounts, and that of the last look at its row.
 *
 * A look at entries leaves its tickets in a transaction of their own, alone with the lock `tickets`, and reads
 * afterwards. Whatever puts or removes rows shares that lock from before it takes their tickets
 * away until it is committed. So it was either committed before the tickets were left, and the look
 * reads what it has put; or it begins after that, and takes them away. A look at items leaves a
 * ticket of amounts alone, which commits don't take away.
 */
import { limits } from '../limits.ts'
import type { Epoch } from '../state.ts'
import { statement, type PostgresConnection, type Transaction } from './connection.ts'

/** Expired tickets that one look removes: more than it leaves, so that they don't pile up. */
const cleanedAtOnce = limits.lookKeysMax * 2

export type Leaving = {
  readonly view: string
  readonly epoch: Epoch
  /** Number of the lock `tickets`; undefined leaves rows without tickets. */
  readonly lock: bigint | undefined
  readonly ticket: string
  /** Each once. */
  readonly keys: readonly string[]
}

export async function leaveTickets(
  connection: PostgresConnection,
  { view, epoch, lock, ticket, keys }: Leaving,
): Promise<void> {
  const values = [view, epoch, ticket, keys]
  if (lock === undefined) await connection.query(leaveAmountsText, values)
  else await connection.query(leaveText, [...values, lock])
}

type Held = {
  readonly view: string
  readonly ticket: string
  readonly entries: readonly string[]
}

/** Locks those of the tickets that are of use; answers by entry of what. */
export async function holdTickets(
  transaction: Transaction,
  { view, ticket, entries }: Held,
): Promise<ReadonlyMap<string, { readonly amounts: boolean; readonly row: boolean }>> {
  const { rows } = await transaction.query(holdText, [view, ticket, entries])
  return new Map(
    rows.map((row) => [
      row.entry as string,
      { amounts: row.amounts === true, row: row.row === true },
    ]),
  )
}

export async function consumeTickets(
  transaction: Transaction,
  { view, ticket, entries }: Held,
): Promise<void> {
  await transaction.query(consumeText, [view, ticket, entries])
}

/** Removes some that are of no use any more, of whatever view, and waits for nobody. */
export async function cleanTickets(connection: PostgresConnection): Promise<void> {
  await connection.query(cleanText)
}

const leaveText = statement(
  'leave tickets',
  `with alone as materialized (select pg_advisory_xact_lock($5))
   insert into millrace.tickets (view, entry, ticket, row_ticket)
   select $1, asked.entry, $3, $3 from alone cross join unnest($4::text[]) as asked (entry)
   where exists (select from millrace.views where view = $1 and epoch = $2)
   order by asked.entry
   on conflict (entry, view) do update set ticket = excluded.ticket,
     row_ticket = excluded.row_ticket, left_at = excluded.left_at`,
)

const ttl = `${limits.ticketTtlMs} * interval '1 millisecond'`

/** The row's ticket stays, if it is of use. */
const leaveAmountsText = statement(
  'leave tickets of amounts',
  `insert into millrace.tickets as t (view, entry, ticket)
   select $1, asked.entry, $3 from unnest($4::text[]) as asked (entry)
   where exists (select from millrace.views where view = $1 and epoch = $2)
   order by asked.entry
   on conflict (entry, view) do update set ticket = excluded.ticket,
     row_ticket = case when t.left_at + ${ttl} > now() then t.row_ticket end,
     left_at = excluded.left_at`,
)

/** The sum keeps the index on times out of it: the entries are what these rows are found by. */
const holdText = statement(
  'hold tickets',
  `select entry, ticket = $2 as amounts, row_ticket = $2 as row from millrace.tickets
   where view = $1 and (ticket = $2 or row_ticket = $2) and entry = any($3::text[])
     and left_at + ${ttl} > now()
   order by entry for update`,
)

const consumeText = statement(
  'consume tickets',
  `with gone as (
     delete from millrace.tickets
     where view = $1 and entry = any($3::text[])
       and coalesce(ticket, $2) = $2 and coalesce(row_ticket, $2) = $2
   )
   update millrace.tickets set ticket = nullif(ticket, $2), row_ticket = nullif(row_ticket, $2)
   where view = $1 and entry = any($3::text[]) and (ticket = $2) <> (row_ticket = $2)`,
)

const cleanText = statement(
  'clean tickets',
  `delete from millrace.tickets where ctid = any(array(
     select ctid from millrace.tickets
     where left_at < now() - ${ttl}
     limit ${cleanedAtOnce} for update skip locked))`,
)
