import { describe, MillraceError } from '../errors.ts'
import type { SetupFault } from '../source/source.ts'
import type { Fault, Step } from './words.ts'

/** A step, and how it is done. */
export type Work = Step & {
  /** `say` gets what it waits for, and how far it is. */
  readonly run: (say: (line: string) => void, signal?: AbortSignal) => Promise<void>
}

export type Draft = {
  readonly works: readonly Work[]
  readonly faults: readonly Fault[]
  readonly notes: readonly string[]
}

export const nothing: Draft = { works: [], faults: [], notes: [] }

/** One after the other; what two of them say alike is said once. */
export function allOf(drafts: readonly Draft[]): Draft {
  return {
    works: onlyFirst(
      drafts.flatMap(({ works }) => works),
      (work) => work.text.join('\n'),
    ),
    faults: onlyFirst(
      drafts.flatMap(({ faults }) => faults),
      ({ what }) => what,
    ),
    notes: [...new Set(drafts.flatMap(({ notes }) => notes))],
  }
}

/** Of those that have the same text. */
export function onlyFirst<T>(list: readonly T[], textOf: (item: T) => string): readonly T[] {
  const seen = new Set<string>()
  return list.filter((item) => {
    const text = textOf(item)
    return !seen.has(text) && seen.add(text)
  })
}

/** A fault that is about no table. */
export function faultOf(where: string, what: string, cure: string | undefined): Fault {
  return { where, table: undefined, column: undefined, what, cure, answered: true }
}

/** What the set-up check has found. */
export function faultIn(where: string, { table, column, what, mend }: SetupFault): Fault {
  return { where, table, column, what, cure: mend, answered: true }
}

/** What could not be asked. */
export function unanswered(where: string, error: MillraceError): Fault {
  return { ...faultOf(where, describe(error), error.hint), answered: false }
}

/** What was drafted, or the fault that it could not be asked for. */
export async function askedOr<T extends Draft>(
  where: string,
  ask: () => Promise<T>,
): Promise<T | Draft> {
  try {
    return await ask()
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error
    return { ...nothing, faults: [unanswered(where, error)] }
  }
}
