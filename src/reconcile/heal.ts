import { randomUUID } from 'node:crypto'
import { MillraceError } from '../errors.ts'
import { displacedDoubt } from '../store/displaced-doubt.ts'
import {
  confirm,
  fill,
  type Confirmed,
  type Correcting,
  type LookedAgain,
  type Open,
  type Wrong,
} from './confirm.ts'
import { healItems } from './heal-items.ts'
import type { Difference, Verdict } from './judge.ts'
import { sheetsOfKeys } from './key-sheets.ts'
import { judgeSheets, type Judgement, type LargeTally } from './look.ts'
import { voided } from './passage.ts'
import type { Plan } from './plan.ts'
import type { Pace } from './walk.ts'

export type TallyPace = Pick<Pace, 'rest' | 'charsAhead'>

export type HealOptions = Correcting & {
  /** False only looks. */
  readonly correct: boolean
  readonly ticket: string | undefined
  /** Of tallies that are looked at item by item. */
  readonly pace: TallyPace
  readonly signal: AbortSignal
}

export type Healed = Omit<Confirmed, 'large'>
export type ItemsHealed = Omit<Healed, 'beyond'>

/**
 * Deals with what a first look has found: looks again, and corrects what is wrong. Compares the
 * tallies that the look has left out, for they are too large for it.
 */
export async function heal(
  plan: Plan,
  { verdicts, unproved, large, beyond }: Judgement,
  options: HealOptions,
): Promise<Healed> {
  const first = await wrongOf(plan, verdicts, options)
  const { atOnce, ticket, corrected } = options
  const open = atOnce ? await fill(plan, { first, corrected }, ticket!) : first
  const entries = await confirm(plan, { first: open, atOnce, corrected }, (left) =>
    lookAgain(plan, left, options),
  )
  const met = new Map(
    [...large, ...entries.large].map((each) => [JSON.stringify([each.entry, each.tally]), each]),
  )
  const items = await healLarge(plan, [...met.values()], options)
  return {
    wrong: [...entries.wrong, ...items.wrong],
    unproved: new Set([...unproved, ...entries.unproved, ...items.unproved]),
    beyond: onlyLast([...beyond, ...entries.beyond]),
  }
}

/**
 * Compares tallies item by item. One that can't be read is moved aside, as an entry is of which a look
 * sees that, and what was there is put in again.
 */
export async function healLarge(
  plan: Plan,
  large: readonly LargeTally[],
  options: Omit<HealOptions, 'ticket'>,
): Promise<ItemsHealed> {
  const unreadable = new Map<string, Healed['wrong'][number]>()
  for (;;) {
    const left = large.filter(({ entry }) => options.correct || !unreadable.has(entry))
    try {
      const { wrong, unproved } = await healItems(plan, left, options)
      return { wrong: [...unreadable.values(), ...wrong], unproved }
    } catch (fault) {
      if (!(fault instanceof MillraceError) || fault.code !== 'store-type') throw fault
      const { entry: key } = fault
      if (key === undefined || unreadable.has(key)) throw fault
      if (options.correct && !(await movedAside(plan, key))) throw voided(fault.message)
      const error = somethingElse(key)
      unreadable.set(key, { ...error, healed: options.correct })
      if (options.correct) await options.corrected([error])
    }
  }
}

async function* lookAgain(
  plan: Plan,
  open: Open<string>,
  options: HealOptions,
): AsyncGenerator<LookedAgain<string>> {
  for await (const sheets of sheetsOfKeys(plan, [...open.keys()])) {
    const ticket = options.correct ? randomUUID() : undefined
    const judgement = await judgeSheets(plan, sheets, { ticket, signal: options.signal })
    const { verdicts, ...told } = judgement
    yield { ...told, wrong: await wrongOf(plan, verdicts, options), ticket }
  }
}

/** Those that are wrong. What can't be read is moved aside, and is looked at by the next round. */
async function wrongOf(
  plan: Plan,
  verdicts: ReadonlyMap<string, Verdict>,
  options: HealOptions,
): Promise<ReadonlyMap<string, Wrong>> {
  const wrong = new Map<string, Wrong>()
  for (const [key, verdict] of verdicts) {
    if (verdict.kind === 'wrong') wrong.set(key, verdict)
    if (verdict.kind !== 'unreadable') continue
    const differences = [somethingElse(key)]
    wrong.set(key, { differences, correction: { entry: key, put: undefined, add: {} } })
    if (options.correct) await movedAside(plan, key)
  }
  return wrong
}

/** What the last look has found of each number. */
function onlyLast(found: readonly Difference[]): readonly Difference[] {
  return [...new Map(found.map((each) => [JSON.stringify([each.key, each.field]), each])).values()]
}

function somethingElse(key: string): Difference {
  return { key, field: '*', expected: 'an entry', found: 'something else' }
}

/** False where it is an entry by now. What nobody is served yet is in doubt for nobody. */
async function movedAside(
  { writer, watch, complete, epoch, log, layout }: Plan,
  key: string,
): Promise<boolean> {
  const served = complete.size > 0
  const doubt = served ? displacedDoubt(key, watch.state?.doubts ?? []) : undefined
  const place = await writer.displace(epoch, key, doubt)
  if (place === undefined) return false
  log.error({ view: layout.name, key, place }, 'what was no entry was moved aside')
  if (served) await watch.ask()
  return true
}
