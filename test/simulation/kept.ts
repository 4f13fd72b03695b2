/** Schedules as they are written down, to be played again. */
import { play, type Outcome, type Schedule } from './schedule.ts'
import type { FamilyName } from './families.ts'
import { shrink } from './shrink.ts'
import type { WorkStep } from './work.ts'

/** A schedule in few words: faults and transactions are lists. */
export type KeptSchedule = {
  readonly seed: number
  /** Left out where entries have owning rows: there was nothing else once. */
  readonly family?: FamilyName
  readonly hostileMs: number
  readonly benign: boolean
  readonly workers: number
  /** Time, name, seed. */
  readonly faults: readonly (readonly [number, string, number])[]
  /** Time, statements, gap, seed, and 1 for each of `active`, `durable` and `rollback`. */
  readonly work: readonly (readonly [number, number, number, number, string])[]
}

export function keptOf(
  { seed, family, hostileMs, benign, workers, faults, work }: Schedule,
  time: (ms: number) => number = Math.round,
): KeptSchedule {
  return {
    seed,
    ...(family === 'users' ? {} : { family }),
    hostileMs: time(hostileMs),
    benign,
    workers,
    faults: faults.map(({ atMs, fault, seed: own }) => [time(atMs), fault, own]),
    work: work.map(({ atMs, statements, gapMs, seed: own, ...flags }) => [
      time(atMs),
      statements,
      time(gapMs),
      own,
      [flags.active, flags.durable, flags.rollback].map(Number).join(''),
    ]),
  }
}

export function scheduleOf(kept: KeptSchedule): Schedule {
  return {
    ...kept,
    family: kept.family ?? 'users',
    faults: kept.faults.map(([atMs, fault, seed]) => ({ atMs, fault, seed })),
    work: kept.work.map(([atMs, statements, gapMs, seed, flags]): WorkStep => {
      const [active, durable, rollback] = [0, 1, 2].map((index) => flags[index] === '1')
      const of = { active: active!, durable: durable!, rollback: rollback! }
      return { atMs, statements, gapMs, seed, ...of }
    }),
  }
}

/** As `kept-seeds.ts` has them, a line for each step. */
export function textOf(kept: KeptSchedule): string {
  const list = (lines: readonly unknown[]) =>
    lines.length > 0
      ? `[\n${lines.map((line) => `    ${JSON.stringify(line)},\n`).join('')}  ]`
      : '[]'
  const { seed, family, hostileMs, benign, workers, faults, work } = kept
  const about = family ? `\n  family: '${family}',` : ''
  return (
    `{\n  seed: ${seed},${about}\n  hostileMs: ${hostileMs},\n  benign: ${benign},\n` +
    `  workers: ${workers},\n  faults: ${list(faults)},\n  work: ${list(work)},\n}`
  )
}

/**
 * The smallest schedule that was found to fail as the given one does, in the words in which it can
 * be kept; undefined when the given one does not fail again. Its times are whole milliseconds if it
 * fails with them as well.
 */
export async function shrunk(
  schedule: Schedule,
  failure: Error,
  { playOne = play, triesMax = 600 }: ShrunkOptions = {},
): Promise<KeptSchedule | undefined> {
  const fails = async (smaller: Schedule) => {
    const { failure: found } = await playOne(smaller)
    return found !== undefined && kindOf(found) === kindOf(failure)
  }
  if (!(await fails(schedule))) return undefined
  const smallest = await shrink(schedule, { fails, triesMax })
  const rounded = keptOf(smallest)
  return (await fails(scheduleOf(rounded))) ? rounded : keptOf(smallest, (ms) => ms)
}

type ShrunkOptions = {
  readonly playOne?: (schedule: Schedule) => Promise<Pick<Outcome, 'failure'>>
  readonly triesMax?: number
}

/** Two failures are of one kind when they begin with the same words. */
function kindOf({ message }: Error): string {
  return message.split(/[\d:]/)[0]!
}
