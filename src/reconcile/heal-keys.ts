import { heal, type HealOptions, type Healed } from './heal.ts'
import { sheetsOfKeys } from './key-sheets.ts'
import { judgeSheets } from './look.ts'
import type { Plan } from './plan.ts'

/** Looks at these keys, each given once, and deals with what is found. */
export async function healKeys(
  plan: Plan,
  keys: readonly string[],
  options: HealOptions,
): Promise<Healed> {
  const wrong: Healed['wrong'][number][] = []
  const beyond: Healed['beyond'][number][] = []
  const unproved = new Set<string>()
  const { ticket, signal } = options
  for await (const sheets of sheetsOfKeys(plan, keys)) {
    const judgement = await judgeSheets(plan, sheets, { ticket, signal })
    const healed = await heal(plan, judgement, options)
    wrong.push(...healed.wrong)
    beyond.push(...healed.beyond)
    for (const table of healed.unproved) unproved.add(table)
  }
  return { wrong, unproved, beyond }
}
