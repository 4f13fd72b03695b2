import type { KeepBound } from '../keep.ts'
import { limits } from '../store/limits.ts'
import { chunks } from './lists.ts'
import { voided } from './passage.ts'
import type { Plan } from './plan.ts'

/** Keys, and the bound of what is kept that they were found to be below: the store may have another. */
export type Outlived = { readonly bound: KeepBound; readonly keys: readonly string[] }

/** Removes these entries; answers how many lay there. */
export async function remove(
  { keeping, epoch }: Pick<Plan, 'keeping' | 'epoch'>,
  { bound, keys }: Outlived,
): Promise<number> {
  let gone = 0
  for (const some of chunks([...new Set(keys)], limits.lookKeysMax)) {
    const removed = await keeping.remove({ epoch, bound, keys: some })
    if (removed === undefined) throw voided('the view has turned its epoch, or has gone back')
    gone += removed
  }
  return gone
}
