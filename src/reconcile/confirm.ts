/**
 * What first looks have found, looked at again: a difference that a second look finds as well, with
 * another snapshot, is wrong. It is corrected by its exact amount. What nobody is served yet is no
 * error where it was never put in: the first look that can corrects it, and nobody is told of it.
 */
import type { Correction } from '../store/audit.ts'
import { fitsInt64, nearestInt64 } from '../store/checks.ts'
import { limits } from '../store/limits.ts'
import { sameCells, sizeOfCells } from './cells.ts'
import type { Difference, Verdict } from './judge.ts'
import { inTurns, weighedChunks } from './lists.ts'
import type { LargeTally } from './look.ts'
import { voided } from './passage.ts'
import type { Plan } from './plan.ts'
import type { Tally } from './statistics.ts'

export type Wrong = Pick<Extract<Verdict, { kind: 'wrong' }>, 'differences' | 'correction'>

/** What looks found wrong, by whatever it is that they were taken of. */
export type Open<Of> = ReadonlyMap<Of, Wrong>

/** What one of the second looks found. */
export type LookedAgain<Of> = {
  readonly wrong: Open<Of>
  /** Left with the entries, for it to be corrected; undefined where nothing is to be. */
  readonly ticket: string | undefined
  readonly unproved: ReadonlySet<string>
  readonly large: readonly LargeTally[]
  readonly beyond: readonly Difference[]
}

export type Confirmed = {
  readonly wrong: Tally['wrong']
  /** Tables of which some look could not tell: what they give may be wrong, and was left as it is. */
  readonly unproved: ReadonlySet<string>
  /** What these looks have met, and not compared. */
  readonly large: readonly LargeTally[]
  readonly beyond: readonly Difference[]
}

export type Correcting = {
  /** Whether what nobody is served yet is put in by a first look. */
  readonly atOnce: boolean
  /** Called after corrections, before anything else is waited for, with what was wrong and is right now. */
  readonly corrected: (healed: readonly Difference[]) => Promise<void>
}

/** How often an entry is looked at again when its ticket was gone. */
const roundsMax = 6

/**
 * Looks again until each is right, or was found wrong twice and corrected. `again` looks at all that
 * is given to it, one part after the other, for each is corrected before the next is read: a ticket
 * is good for one correction of an entry.
 */
export async function confirm<Of>(
  plan: Plan,
  { first, atOnce, corrected }: Correcting & { readonly first: Open<Of> },
  again: (open: Open<Of>) => AsyncIterable<LookedAgain<Of>>,
): Promise<Confirmed> {
  const found: (Difference & { readonly healed: boolean })[] = []
  const unproved = new Set<string>()
  const large: LargeTally[] = []
  const beyond: Difference[] = []
  let open = first
  for (let round = 0; round < roundsMax && open.size > 0; round += 1) {
    const next = new Map<Of, Wrong>()
    for await (const second of again(open)) {
      for (const table of second.unproved) unproved.add(table)
      large.push(...second.large)
      beyond.push(...second.beyond)
      const settled = new Map<Of, Wrong>()
      const filled = new Set<Of>()
      for (const [of, wrong] of second.wrong) {
        if (atOnce && isFilling(plan, wrong)) filled.add(of)
        const into = filled.has(of) || agree(open.get(of)!, wrong) ? settled : next
        into.set(of, wrong)
      }
      const { ticket } = second
      const healed = ticket !== undefined
      const { undone, fault } = healed ? await correct(plan, settled, ticket) : nothingTried
      for (const of of undone) next.set(of, second.wrong.get(of)!)
      const errors = [...settled].flatMap(([of, { differences }]) =>
        next.has(of) || filled.has(of) ? [] : differences,
      )
      if (healed && settled.size > 0) await corrected(errors)
      if (fault !== undefined) throw fault
      found.push(...errors.map((each) => ({ ...each, healed })))
    }
    open = next
  }
  for (const { differences } of open.values()) {
    found.push(...differences.map((each) => ({ ...each, healed: false })))
  }
  return { wrong: found, unproved, large, beyond }
}

/** Puts in what nobody is served yet, by a first look alone. Answers what is left to look at again. */
export async function fill<Of>(
  plan: Plan,
  { first, corrected }: Pick<Correcting, 'corrected'> & { readonly first: Open<Of> },
  ticket: string,
): Promise<Map<Of, Wrong>> {
  const filling = new Map([...first].filter(([, wrong]) => isFilling(plan, wrong)))
  const { undone, fault } = await correct(plan, filling, ticket)
  if (fault !== undefined) throw fault
  if (filling.size > 0) await corrected([])
  return new Map([...first].filter(([of]) => !filling.has(of) || undone.has(of)))
}

/** True where nobody is served yet what differs: it is no error, it was never put in. */
function isFilling({ complete }: Plan, { differences, correction }: Wrong): boolean {
  const { put, add, cells } = correction
  const says = put !== undefined || Object.keys(add).length > 0 || cells !== undefined
  return says && differences.every(({ field }) => !complete.has(field))
}

/** Whether both looks found the same amounts missing, and the same fields wrong. */
function agree({ correction: a }: Wrong, { correction: b }: Wrong): boolean {
  return (
    (a.put === undefined) === (b.put === undefined) &&
    Object.keys({ ...a.add, ...b.add }).every((count) => a.add[count] === b.add[count]) &&
    sameCells(a.cells, b.cells)
  )
}

type Tried<Of> = {
  /** Those of which something is left: a ticket was gone, or it takes more than one correction. */
  readonly undone: ReadonlySet<Of>
  /** Why no more was corrected. What was until then is to be told all the same. */
  readonly fault: unknown
}

const nothingTried: Tried<never> = { undone: new Set(), fault: undefined }

async function correct<Of>(
  { audit, epoch }: Plan,
  wrong: Open<Of>,
  ticket: string,
): Promise<Tried<Of>> {
  const steps = weighedChunks([...wrong], {
    most: limits.correctionsMax,
    weightMost: limits.cellsMax,
    weightOf: ([, { correction }]) => sizeOfCells(correction.cells),
  })
  const undone = new Set(wrong.keys())
  const corrected = inTurns(steps, limits.stepsAtOnce, async (step) => {
    const corrections = step.map(([, { correction }]) => inParts(correction))
    const result = await audit.correct({ epoch, ticket, corrections })
    if (result.kind === 'conflict') throw voided('the view has turned its epoch')
    const lost = new Set(result.lost)
    for (const [index, [of, { correction }]] of step.entries()) {
      if (!lost.has(index) && corrections[index] === correction) undone.delete(of)
    }
  })
  const fault: unknown = await corrected.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return { undone, fault }
}

/**
 * The correction, or a first part of it: two counters of 64 bits may lie so far apart that 64 bits do
 * not tell how far.
 */
function inParts(correction: Correction): Correction {
  const amounts = Object.entries(correction.add)
  if (amounts.every(([, amount]) => fitsInt64(amount))) return correction
  const add = Object.fromEntries(amounts.map(([name, amount]) => [name, nearestInt64(amount)]))
  return { ...correction, add }
}
