import { parseTransactionId } from '../transaction.ts'
import type { Known } from './compared-keys.ts'
import type { Outlived } from './let-go.ts'
import type { PassState } from './pass-state.ts'
import type { Plan } from './plan.ts'
import { storePage } from './store-pages.ts'
import { touchedPage, unreadOf } from './touched.ts'

/** Where a lap is in its later sections. */
export type KeysAt = Pick<PassState, 'kind' | 'section' | 'after' | 'unread' | 'anchor' | 'since'>

export type KeyPage = {
  /** Those that the source's order may not have led to. */
  readonly keys: readonly string[]
  /** What the store has below the bound of what is kept; undefined where there is none. */
  readonly below: Outlived | undefined
  /** Keys or records that were read for it. */
  readonly read: number
  /** Where the lap goes on; undefined at its end. */
  readonly next: Partial<KeysAt> | undefined
}

/** Keys that are looked at together, about. */
const keysMax = 5_000
/** Pages of the store that are read for them, of which few may have any that are to be looked at. */
const pagesMax = { build: 50, doubt: 50, steady: 5 } as const

export type NextKeysOptions = {
  readonly known: Known
  readonly signal: AbortSignal
  readonly goesOn: () => boolean
}

/**
 * The next keys of a lap that is through with those of the source's order: what the store has, and
 * then what changes have touched. A lap that only sees that all is right leaves the latter to the
 * next one. What is `known` the lap has compared. `lost` where the store can't go on from the cursor.
 * While `goesOn`, pages are gathered: whatever is looked at waits for a barrier, a few keys as long as
 * thousands.
 */
export async function nextKeys(
  plan: Plan,
  at: KeysAt,
  { known, signal, goesOn }: NextKeysOptions,
): Promise<KeyPage | 'lost'> {
  const since = parseTransactionId(at.since!)
  if (at.section === 'log') {
    const { keys, records, unread } = await touchedPage(plan, at.unread, signal)
    const open = keys.filter((key) => !known.has(key))
    const unsettled = await plan.source.unsettled(plan.view, open, since)
    return {
      keys: unsettled,
      below: undefined,
      read: records,
      next: unread.size > 0 ? { unread } : undefined,
    }
  }
  // One for all pages: what is told to be below it is removed by it.
  const bound = plan.watch.state?.keepFrom
  const [keys, below] = [new Set<string>(), new Set<string>()]
  let read = 0
  let cursor = at.after ?? undefined
  for (let left = pagesMax[at.kind]; left > 0; left -= 1) {
    const page = await storePage(plan, cursor, { since, known, bound })
    if (page === 'lost') return page
    for (const key of page.keys) keys.add(key)
    for (const key of page.below) below.add(key)
    read += page.scanned
    cursor = page.cursor
    if (cursor === undefined || keys.size + below.size >= keysMax || !goesOn()) break
  }
  return {
    keys: [...keys],
    below: bound === undefined ? undefined : { bound, keys: [...below] },
    read,
    next: await followedBy(plan, at, cursor),
  }
}

async function followedBy(
  { writer, epoch }: Plan,
  { kind, anchor }: KeysAt,
  cursor: string | undefined,
): Promise<KeyPage['next']> {
  if (cursor !== undefined) return { after: cursor }
  if (kind === 'steady') return undefined
  const unread = unreadOf(anchor!.from, await writer.checkpoints(epoch))
  return unread.size > 0 ? { section: 'log', after: null, unread } : undefined
}
