import { limits } from '../store/limits.ts'
import { chunks } from './lists.ts'
import { voided } from './passage.ts'
import type { Plan } from './plan.ts'

/** Removes entries that are below the bound of what is kept; answers how many lay there. */
export async function remove(
  { keeping, watch, epoch }: Pick<Plan, 'keeping' | 'watch' | 'epoch'>,
  keys: readonly string[],
): Promise<number> {
  const bound = watch.state?.keepFrom
  if (bound === undefined) return 0
  let gone = 0
  for (const some of chunks([...new Set(keys)], limits.lookKeysMax)) {
    const removed = await keeping.remove({ epoch, bound, keys: some })
    if (removed === undefined) throw voided('the view has turned its epoch, or has gone back')
    gone += removed
  }
  return gone
}
