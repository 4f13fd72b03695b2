import { MillraceError } from '../errors.ts'
import { belowBound } from '../keep.ts'
import type { TransactionId } from '../transaction.ts'
import type { Outlived } from './let-go.ts'
import type { Plan } from './plan.ts'

export type StorePage = {
  /** How many keys the store gave. */
  readonly scanned: number
  /** Those among them that the source's order may not have led to. */
  readonly keys: readonly string[]
  /** Those that are below the bound of what is kept; undefined where there is none. */
  readonly below: Outlived | undefined
  /** Where the next page begins; undefined at the end. */
  readonly cursor: string | undefined
}

/**
 * A page of the keys that the store has, from `cursor` on. Of `since`, see `Source.unsettled`.
 * `lost` where the store can't go on from the cursor: then the scan begins anew.
 */
export async function storePage(
  { audit, source, view, watch }: Pick<Plan, 'audit' | 'source' | 'view' | 'watch'>,
  cursor: string | undefined,
  since: TransactionId,
): Promise<StorePage | 'lost'> {
  try {
    const page = await audit.scan(cursor)
    const bound = watch.state?.keepFrom
    const isBelow = belowBound(view.key, bound)
    const gone = bound === undefined ? [] : page.keys.filter(isBelow)
    const kept = gone.length === 0 ? page.keys : page.keys.filter((key) => !isBelow(key))
    const below = bound === undefined ? undefined : { bound, keys: gone }
    const keys = await source.unsettled(view, kept, since)
    return { scanned: page.keys.length, keys, below, cursor: page.cursor }
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'scan-lost') return 'lost'
    throw error
  }
}
