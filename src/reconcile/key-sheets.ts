import { limits } from '../store/limits.ts'
import { charsOf, takeSheet, type Sheet } from './look.ts'
import type { Plan } from './plan.ts'

/** Keys of one page of the truth. */
export const keysAtOnce = 1_000
/** Text of pages that are judged together, in characters: what bounds the memory. */
const charsMax = 4_000_000

/**
 * Sheets of these keys, each given once, in lists that are to be judged together: a few keys wait for
 * a barrier as long as thousands. The next list is taken once it is asked for.
 */
export async function* sheetsOfKeys(
  plan: Plan,
  keys: readonly string[],
): AsyncGenerator<readonly Sheet[]> {
  for (let at = 0; at < keys.length;) {
    const sheets: Sheet[] = []
    const end = Math.min(keys.length, at + limits.judgedKeysMax)
    for (let chars = 0; at < end && chars < charsMax; at += keysAtOnce) {
      const page = { kind: 'keys', keys: keys.slice(at, at + keysAtOnce) } as const
      const sheet = await takeSheet(plan, page)
      sheets.push(sheet)
      chars += charsOf(sheet)
    }
    yield sheets
  }
}
