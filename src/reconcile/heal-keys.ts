import { heal, type HealOptions, type Healed } from './heal.ts'
import { charsOf, judgeSheets, takeSheet, type Sheet } from './look.ts'
import { limits } from '../store/limits.ts'
import type { Plan } from './plan.ts'

/** Keys of one page of the truth. */
export const keysAtOnce = 1_000
/** Text of pages that are judged together, in characters: what bounds the memory. */
const charsMax = 4_000_000

/**
 * Looks at these keys, each given once, and deals with what is found. What fits into memory is judged
 * together, for to be judged a page waits for a barrier.
 */
export async function healKeys(
  plan: Plan,
  keys: readonly string[],
  options: HealOptions,
): Promise<Healed> {
  const wrong: Healed['wrong'][number][] = []
  const unproved = new Set<string>()
  const { ticket, signal } = options
  for (let at = 0; at < keys.length;) {
    const sheets: Sheet[] = []
    const end = Math.min(keys.length, at + limits.judgedKeysMax)
    for (let chars = 0; at < end && chars < charsMax; at += keysAtOnce) {
      const page = { kind: 'keys', keys: keys.slice(at, at + keysAtOnce) } as const
      const sheet = await takeSheet(plan, page)
      sheets.push(sheet)
      chars += charsOf(sheet)
    }
    const judgement = await judgeSheets(plan, sheets, { ticket, signal })
    const healed = await heal(plan, judgement, options)
    wrong.push(...healed.wrong)
    for (const table of healed.unproved) unproved.add(table)
  }
  return { wrong, unproved }
}
