import { MillraceError } from '../errors.ts'
import type { TransactionId } from '../transaction.ts'
import type { Plan } from './plan.ts'

export type StorePage = {
  /** How many keys the store gave. */
  readonly scanned: number
  /** Those among them that the source's order may not have led to. */
  readonly keys: readonly string[]
  /** Where the next page begins; undefined at the end. */
  readonly cursor: string | undefined
}

/**
 * A page of the keys that the store has, from `cursor` on. Of `since`, see `Source.unsettled`.
 * `lost` where the store can't go on from the cursor: then the scan begins anew.
 */
export async function storePage(
  { audit, source, view }: Pick<Plan, 'audit' | 'source' | 'view'>,
  cursor: string | undefined,
  since: TransactionId,
): Promise<StorePage | 'lost'> {
  try {
    const page = await audit.scan(cursor)
    const keys = await source.unsettled(view, page.keys, since)
    return { scanned: page.keys.length, keys, cursor: page.cursor }
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'scan-lost') return 'lost'
    throw error
  }
}
