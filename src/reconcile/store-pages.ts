import { MillraceError } from '../errors.ts'
import { belowBound, type KeepBound } from '../keep.ts'
import type { TransactionId } from '../transaction.ts'
import type { Known } from './compared-keys.ts'
import type { Plan } from './plan.ts'

export type StorePage = {
  /** How many keys the store gave. */
  readonly scanned: number
  /** Those among them that the source's order may not have led to. */
  readonly keys: readonly string[]
  /** Those that are below the bound of what is kept. */
  readonly below: readonly string[]
  /** Where the next page begins; undefined at the end. */
  readonly cursor: string | undefined
}

export type StorePageOptions = {
  /** See `Source.unsettled`. */
  readonly since: TransactionId
  /** What was compared before. */
  readonly known: Known
  /** That of what is kept. */
  readonly bound?: KeepBound | undefined
}

/**
 * A page of the keys that the store has, from `cursor` on.
 * `lost` where the store can't go on from the cursor: then the scan begins anew.
 */
export async function storePage(
  { audit, source, view }: Pick<Plan, 'audit' | 'source' | 'view'>,
  cursor: string | undefined,
  { since, known, bound }: StorePageOptions,
): Promise<StorePage | 'lost'> {
  try {
    const page = await audit.scan(cursor)
    const isBelow = belowBound(view.key, bound)
    const below = page.keys.filter(isBelow)
    const open = page.keys.filter((key) => !known.has(key) && !isBelow(key))
    const keys = await source.unsettled(view, open, since)
    return { scanned: page.keys.length, keys, below, cursor: page.cursor }
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'scan-lost') return 'lost'
    throw error
  }
}
