/**
 * How many writes of the store merging saves: what clicks and page views of one session add to its
 * windows, at several paces, beside what the same takes when each is applied by itself.
 */
import type { Redis } from 'ioredis'
import { Client } from 'pg'
import type { Row } from '../change.ts'
import { systemClock } from '../clock.ts'
import { MillraceError } from '../errors.ts'
import { parseLsn, type Lsn } from '../position.ts'
import { fold } from '../view/fold.ts'
import type { View } from '../view/view.ts'
import type { FilledChain } from './filled-chain.ts'
import { callsOf } from './redis-memory.ts'

type Merging = FilledChain & { readonly redis: Redis }

type MergingOptions = {
  readonly forMs: number
  readonly signal: AbortSignal
  readonly show: (line: string) => void
}

const paces = [5, 10, 20, 50, 200, 1_000] as const
const passedWithinMs = 60_000
const askEveryMs = 50
const tickMs = 1
const session = 77
/** Of ten things that the session does. */
const clicksOfTen = 7

export async function mergingOf(merging: Merging, options: MergingOptions): Promise<void> {
  const { show, signal } = options
  const each = writesAlone(merging.kept.map(({ view }) => view))
  show(`merging   a change by itself takes ${each.toFixed(2)} writes of numbers, in two views`)
  const client = new Client({ connectionString: merging.chain.env.MILLRACE_SOURCE_APP! })
  await client.connect()
  try {
    for (const pace of paces) {
      if (signal.aborted) return
      const { changes, writes } = await writesAt(merging, client, pace, options)
      const saved = savedShare({ changes, writes, each })
      show(
        `          ${pace} changes/s of one session: ${changes} changes, ${writes} writes, ` +
          `${(saved * 100).toFixed(1)}% saved`,
      )
    }
  } finally {
    await client.end()
  }
}

type Saved = { readonly changes: number; readonly writes: number; readonly each: number }

/** The part of the writes that were not needed, of those that as many single changes take. */
export function savedShare({ changes, writes, each }: Saved): number {
  return 1 - writes / (changes * each)
}

/** Numbers that a click or a page view adds to, on average, where nothing is merged. */
export function writesAlone(views: readonly View[]): number {
  const at = '2026-01-01T00:00:00.000000Z'
  const common = { session_id: BigInt(session) }
  const click = writesOf(views, 'clicks', { ...common, clicked_at: at })
  const view = writesOf(views, 'page_views', { ...common, viewed_at: at, spent_ms: 250n })
  return (click * clicksOfTen + view * (10 - clicksOfTen)) / 10
}

function writesOf(views: readonly View[], table: string, after: Row): number {
  const change = {
    kind: 'insert',
    table,
    key: {},
    after,
    lsn: parseLsn('0/1'),
    transaction: 1,
  } as const
  const added = views.flatMap((view) => {
    const folded = fold(view, change)
    return folded.kind === 'contributions' ? folded.contributions : []
  })
  return added.reduce((sum, { add }) => sum + Object.keys(add).length, 0)
}

/** Additions to entries that Redis has made for changes at this pace, until the views have them all. */
async function writesAt(
  merging: Merging,
  client: Client,
  pace: number,
  { forMs, signal }: MergingOptions,
): Promise<{ readonly changes: number; readonly writes: number }> {
  const before = await callsOf(merging.redis, 'hincrby')
  const startedMs = systemClock.monotonicMs()
  let changes = 0
  while (systemClock.monotonicMs() - startedMs < forMs && !signal.aborted) {
    const due = Math.ceil(((systemClock.monotonicMs() - startedMs) / 1_000) * pace)
    while (changes < due) {
      await client.query(statementAt(changes))
      changes += 1
    }
    await systemClock.sleep(tickMs, signal)
  }
  await passed(merging, client, signal)
  return { changes, writes: (await callsOf(merging.redis, 'hincrby')) - before }
}

/** Each in a transaction of its own. */
function statementAt(turn: number): string {
  const id = `(extract(epoch from clock_timestamp()) * 1e6)::bigint`
  return turn % 10 < clicksOfTen
    ? `insert into clicks values (${id}, ${session}, 'jump', clock_timestamp())`
    : `insert into page_views values (${id}, ${session}, '/arena', 250, clock_timestamp())`
}

/** Waits until every view has all that was committed by now. */
async function passed({ kept }: Merging, client: Client, signal: AbortSignal): Promise<void> {
  const { rows } = await client.query<{ lsn: string }>(
    'select pg_current_wal_insert_lsn()::text as lsn',
  )
  const lsn: Lsn = parseLsn(rows[0]!.lsn)
  const lastMs = systemClock.monotonicMs() + passedWithinMs
  while (systemClock.monotonicMs() < lastMs && !signal.aborted) {
    const states = await Promise.all(kept.map(({ store }) => store.watchable.state()))
    if (states.every((state) => state?.watermark !== undefined && state.watermark >= lsn)) return
    await systemClock.sleep(askEveryMs, signal)
  }
  throw new MillraceError('bench', 'the views have not passed what was written', {
    hint: "See the worker's log.",
  })
}
