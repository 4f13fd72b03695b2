import { randomUUID } from 'node:crypto'
import {
  confirm,
  fill,
  type Confirmed,
  type LookedAgain,
  type Open,
  type Wrong,
} from './confirm.ts'
import { healItems } from './heal-items.ts'
import type { Verdict } from './judge.ts'
import { chunks } from './lists.ts'
import { judgeSheets, takeSheet, type Judgement } from './look.ts'
import type { Plan } from './plan.ts'
import type { Pace } from './walk.ts'

/** Keys of one page of second looks. */
const keysAtOnce = 2_000

export type HealOptions = {
  /** A first look's difference in what nobody is served yet is corrected at once. */
  readonly atOnce: boolean
  /** False only looks. */
  readonly correct: boolean
  readonly ticket: string | undefined
  /** Of tallies that are looked at item by item. */
  readonly pace: Pick<Pace, 'rest'>
  readonly signal: AbortSignal
}

export type Healed = Omit<Confirmed, 'large'>

/**
 * Deals with what a first look has found: looks again, and corrects what is wrong. Compares the
 * tallies that the look has left out, for they are too large for it.
 */
export async function heal(
  plan: Plan,
  { verdicts, unproved, large }: Judgement,
  options: HealOptions,
): Promise<Healed> {
  const first = await wrongOf(plan, verdicts, options)
  const open = options.atOnce ? await fill(plan, first, options.ticket!) : first
  const entries = await confirm(plan, open, (left) => lookAgain(plan, left, options))
  const met = new Map(
    [...large, ...entries.large].map((each) => [JSON.stringify([each.entry, each.tally]), each]),
  )
  const items = await healItems(plan, [...met.values()], options)
  return {
    wrong: [...entries.wrong, ...items.wrong],
    unproved: new Set([...unproved, ...entries.unproved, ...items.unproved]),
  }
}

async function* lookAgain(
  plan: Plan,
  open: Open<string>,
  options: HealOptions,
): AsyncGenerator<LookedAgain<string>> {
  for (const keys of chunks([...open.keys()], keysAtOnce)) {
    const ticket = options.correct ? randomUUID() : undefined
    const sheet = await takeSheet(plan, { kind: 'keys', keys })
    const judgement = await judgeSheets(plan, [sheet], { ticket, signal: options.signal })
    const { verdicts, unproved, large } = judgement
    yield { wrong: await wrongOf(plan, verdicts, options), ticket, unproved, large }
  }
}

/** Those that are wrong. What can't be read is moved aside, and is looked at by the next round. */
async function wrongOf(
  { writer, epoch, log, layout }: Plan,
  verdicts: ReadonlyMap<string, Verdict>,
  options: HealOptions,
): Promise<ReadonlyMap<string, Wrong>> {
  const wrong = new Map<string, Wrong>()
  for (const [key, verdict] of verdicts) {
    if (verdict.kind === 'wrong') wrong.set(key, verdict)
    if (verdict.kind !== 'unreadable') continue
    const differences = [{ key, field: '*', expected: 'an entry', found: 'something else' }]
    wrong.set(key, { differences, correction: { entry: key, put: undefined, add: {} } })
    if (!options.correct) continue
    const place = await writer.displace(epoch, key)
    if (place !== undefined)
      log.error({ view: layout.name, key, place }, 'what was no entry was moved aside')
  }
  return wrong
}
