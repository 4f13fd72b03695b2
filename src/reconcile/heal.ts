import { randomUUID } from 'node:crypto'
import { MillraceError } from '../errors.ts'
import type { Correction } from '../store/audit.ts'
import { limits } from '../store/limits.ts'
import type { Difference, Verdict } from './judge.ts'
import { chunks } from './lists.ts'
import { judgeSheets, takeSheet, type Judgement } from './look.ts'
import type { Plan } from './plan.ts'
import type { Tally } from './statistics.ts'

/** Keys of one page of second looks. */
const keysAtOnce = 2_000
/** How often an entry is looked at again when its ticket was gone. */
const roundsMax = 6

export type HealOptions = {
  /** A first look's difference in what nobody is served yet is corrected at once. */
  readonly atOnce: boolean
  /** False only looks. */
  readonly correct: boolean
  readonly ticket: string | undefined
  readonly signal: AbortSignal
}

export type Healed = {
  readonly wrong: Tally['wrong']
  /** Tables of which some look could not tell: what they give may be wrong, and was left as it is. */
  readonly unproved: ReadonlySet<string>
}

type Wrong = Omit<Extract<Verdict, { kind: 'wrong' }>, 'kind'>

/**
 * Deals with what a first look has found. A difference that a second look finds as well, with
 * another snapshot, is wrong; it is corrected by its exact amount.
 */
export async function heal(
  plan: Plan,
  { verdicts, unproved }: Judgement,
  options: HealOptions,
): Promise<Healed> {
  const first = await wrongOf(plan, verdicts, options)
  const open = new Map(first)
  if (options.atOnce) {
    const filling = [...first].filter(([, wrong]) => isFilling(plan, wrong))
    for (const [key] of filling) open.delete(key)
    const lost = await correct(
      plan,
      filling.map(([, wrong]) => wrong),
      options.ticket!,
    )
    for (const key of lost) open.set(key, first.get(key)!)
  }
  const again = await healAgain(plan, open, options)
  return { wrong: again.wrong, unproved: new Set([...unproved, ...again.unproved]) }
}

/** True where nobody is served yet what differs: it is no error, it was never put in. */
function isFilling({ complete }: Plan, { differences, correction }: Wrong): boolean {
  const says = correction.put !== undefined || Object.keys(correction.add).length > 0
  return says && differences.every(({ field }) => !complete.has(field))
}

/** Looks at these entries until each is right, or was found wrong twice and corrected. */
async function healAgain(
  plan: Plan,
  first: ReadonlyMap<string, Wrong>,
  options: HealOptions,
): Promise<Healed> {
  const found: (Difference & { readonly healed: boolean })[] = []
  const unproved = new Set<string>()
  let open = first
  for (let round = 0; round < roundsMax && open.size > 0; round += 1) {
    const next = new Map<string, Wrong>()
    for (const keys of chunks([...open.keys()], keysAtOnce)) {
      const ticket = options.correct ? randomUUID() : undefined
      const sheet = await takeSheet(plan, { kind: 'keys', keys })
      const judgement = await judgeSheets(plan, [sheet], { ticket, signal: options.signal })
      for (const table of judgement.unproved) unproved.add(table)
      const { verdicts } = judgement
      const second = await wrongOf(plan, verdicts, options)
      const confirmed = [...second].filter(([key, wrong]) => agree(open.get(key)!, wrong))
      for (const [key, wrong] of second) {
        if (!agree(open.get(key)!, wrong)) next.set(key, wrong)
      }
      const lost =
        ticket === undefined
          ? []
          : await correct(
              plan,
              confirmed.map(([, it]) => it),
              ticket,
            )
      for (const key of lost) next.set(key, second.get(key)!)
      for (const [key, { differences }] of confirmed) {
        if (next.has(key)) continue
        found.push(...differences.map((each) => ({ ...each, healed: ticket !== undefined })))
      }
    }
    open = next
  }
  for (const { differences } of open.values()) {
    found.push(...differences.map((each) => ({ ...each, healed: false })))
  }
  return { wrong: found, unproved }
}

/** Whether both looks found the same amounts missing, and the same fields wrong. */
function agree({ correction: a }: Wrong, { correction: b }: Wrong): boolean {
  return (
    (a.put === undefined) === (b.put === undefined) &&
    Object.keys({ ...a.add, ...b.add }).every((count) => a.add[count] === b.add[count])
  )
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

/** Keys of those of which something was left undone, for a ticket was gone. */
async function correct(plan: Plan, wrong: readonly Wrong[], ticket: string): Promise<string[]> {
  const { audit, epoch } = plan
  const lost: string[] = []
  const all: Correction[] = wrong.map(({ correction }) => correction)
  for (const corrections of chunks(all, limits.correctionsMax)) {
    const result = await audit.correct({ epoch, ticket, corrections })
    if (result.kind === 'conflict') {
      throw new MillraceError('look-void', 'the view has turned its epoch')
    }
    lost.push(...result.lost.map((index) => corrections[index]!.entry))
  }
  return lost
}
