import { parseTransactionId } from '../transaction.ts'
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

/**
 * The next keys of a lap that is through with those of the source's order: what the store has, and
 * then what changes have touched. A lap that only sees that all is right leaves the latter to the
 * next one. `lost` where the store can't go on from the cursor.
 */
export async function nextKeys(
  plan: Plan,
  at: KeysAt,
  signal: AbortSignal,
): Promise<KeyPage | 'lost'> {
  const since = parseTransactionId(at.since!)
  if (at.section === 'log') {
    const { keys, records, unread } = await touchedPage(plan, at.unread, signal)
    const unsettled = await plan.source.unsettled(plan.view, keys, since)
    return {
      keys: unsettled,
      below: undefined,
      read: records,
      next: unread.size > 0 ? { unread } : undefined,
    }
  }
  const page = await storePage(plan, at.after ?? undefined, since)
  if (page === 'lost') return page
  const { keys, below, scanned, cursor } = page
  return { keys, below, read: scanned, next: await followedBy(plan, at, cursor) }
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
