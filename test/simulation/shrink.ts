/** Makes a schedule that fails as small as it gets and fails still. */
import type { Schedule } from './schedule.ts'

export type ShrinkOptions = {
  readonly fails: (schedule: Schedule) => Promise<boolean>
  /** How often a smaller one is tried. */
  readonly triesMax: number
}

/** Fewer workers, faults and transactions, and a shorter time, until nothing can be left out. */
export async function shrink(schedule: Schedule, options: ShrinkOptions): Promise<Schedule> {
  const attempt = new Attempt(schedule, options)
  let before: Schedule | undefined
  while (attempt.smallest !== before && attempt.triesLeft > 0) {
    before = attempt.smallest
    while (before.workers > 1 && (await attempt.try({ workers: attempt.smallest.workers - 1 })));
    await withoutParts(attempt, 'faults')
    await withoutParts(attempt, 'work')
    await shorter(attempt)
  }
  return attempt.smallest
}

class Attempt {
  smallest: Schedule
  triesLeft: number
  readonly #fails: ShrinkOptions['fails']

  constructor(schedule: Schedule, { fails, triesMax }: ShrinkOptions) {
    this.smallest = schedule
    this.#fails = fails
    this.triesLeft = triesMax
  }

  /** True when it fails with this change as well, which is then kept. */
  async try(change: Partial<Schedule>): Promise<boolean> {
    const changed = { ...this.smallest, ...change }
    if (changed.workers < 1 || this.triesLeft <= 0) return false
    this.triesLeft -= 1
    if (!(await this.#fails(changed))) return false
    this.smallest = changed
    return true
  }
}

/** Leaves out halves of the list, then quarters, down to single ones. */
async function withoutParts(attempt: Attempt, name: 'faults' | 'work'): Promise<void> {
  for (let size = attempt.smallest[name].length; size >= 1; size = Math.floor(size / 2)) {
    let from = 0
    while (from < attempt.smallest[name].length) {
      const list = attempt.smallest[name]
      const left = list.filter((_, index) => index < from || index >= from + size)
      if (!(await attempt.try({ [name]: left }))) from += size
    }
  }
}

/** Ends the hostile time soon after the last step, or as early as it may. */
async function shorter(attempt: Attempt): Promise<void> {
  for (let share = 0.5; share < 1; share += 0.2) {
    const hostileMs = Math.ceil(attempt.smallest.hostileMs * share)
    const { faults, work } = attempt.smallest
    const isBefore = ({ atMs }: { readonly atMs: number }) => atMs < hostileMs
    const change = { hostileMs, faults: faults.filter(isBefore), work: work.filter(isBefore) }
    if (hostileMs >= 1_000 && (await attempt.try(change))) return
  }
}
