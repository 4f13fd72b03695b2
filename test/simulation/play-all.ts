/** Plays one schedule after another, and adds up what really happened in them. */
import type { FamilyName } from './families.ts'
import { drawSchedule, play, type Schedule } from './schedule.ts'

export type Failed = { readonly schedule: Schedule; readonly failure: Error }

export type Happened = { readonly times: number; readonly schedules: number }

export type Totals = {
  readonly played: number
  readonly failed: readonly Failed[]
  /** How often each kind of effect happened, and in how many schedules. */
  readonly counts: ReadonlyMap<string, Happened>
  readonly virtualMs: number
}

export type PlayAllOptions = {
  /** Seeds from here on. */
  readonly first: number
  readonly schedules: number
  /** What all of them are about; left out where each seed draws it. */
  readonly family?: FamilyName | undefined
  /** After so many failures the rest is left out. */
  readonly failuresMax: number
  readonly trace?: ((line: string) => void) | undefined
  /** Told of each failure as it happens. */
  readonly fails?: (failed: Failed) => void
}

export async function playAll(options: PlayAllOptions): Promise<Totals> {
  const { first, schedules, family, failuresMax, trace, fails } = options
  const counts = new Map<string, Happened>()
  const failed: Failed[] = []
  let [played, virtualMs] = [0, 0]
  while (played < schedules && failed.length < failuresMax) {
    const schedule = drawSchedule(first + played, family)
    const outcome = await play(schedule, trace)
    played += 1
    virtualMs += outcome.virtualMs
    for (const [kind, more] of outcome.counts) {
      const { times, schedules: before } = counts.get(kind) ?? { times: 0, schedules: 0 }
      counts.set(kind, { times: times + more, schedules: before + 1 })
    }
    if (outcome.failure) {
      failed.push({ schedule, failure: outcome.failure })
      fails?.(failed.at(-1)!)
    }
    // Timers and signals of the process that plays have their turn.
    await new Promise(setImmediate)
  }
  return { played, failed, counts, virtualMs }
}
