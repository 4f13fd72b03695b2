/** Schedules as they are written down, to be played again. */
import { play, type Outcome, type Schedule } from './schedule.ts'
import { shrink } from './shrink.ts'
import type { WorkStep } from './work.ts'

/** A schedule in few words: times rounded, transactions as lists of numbers. */
export type KeptSchedule = {
  readonly seed: number
  readonly hostileMs: number
  readonly benign: boolean
  readonly workers: number
  /** Time, name, seed. */
  readonly faults: readonly (readonly [number, string, number])[]
  /** Time, statements, gap, seed, and 1 for each of `active`, `durable` and `rollback`. */
  readonly work: readonly (readonly [number, number, number, number, string])[]
}

export function keptOf({ seed, hostileMs, benign, workers, faults, work }: Schedule): KeptSchedule {
  return {
    seed,
    hostileMs: Math.round(hostileMs),
    benign,
    workers,
    faults: faults.map(({ atMs, fault, seed: own }) => [Math.round(atMs), fault, own]),
    work: work.map(({ atMs, statements, gapMs, seed: own, ...flags }) => [
      Math.round(atMs),
      statements,
      Math.round(gapMs),
      own,
      [flags.active, flags.durable, flags.rollback].map(Number).join(''),
    ]),
  }
}

export function scheduleOf(kept: KeptSchedule): Schedule {
  return {
    ...kept,
    faults: kept.faults.map(([atMs, fault, seed]) => ({ atMs, fault, seed })),
    work: kept.work.map(([atMs, statements, gapMs, seed, flags]): WorkStep => {
      const [active, durable, rollback] = [...flags].map((flag) => flag === '1')
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
  const { seed, hostileMs, benign, workers, faults, work } = kept
  return (
    `{\n  seed: ${seed},\n  hostileMs: ${hostileMs},\n  benign: ${benign},\n` +
    `  workers: ${workers},\n  faults: ${list(faults)},\n  work: ${list(work)},\n}`
  )
}

/**
 * The smallest schedule that was found to fail as the given one does, in the words in which it can
 * be kept; undefined when it does not fail once its times are rounded.
 */
export async function shrunk(
  schedule: Schedule,
  failure: Error,
  playOne: (schedule: Schedule) => Promise<Pick<Outcome, 'failure'>> = play,
): Promise<KeptSchedule | undefined> {
  const rounded = scheduleOf(keptOf(schedule))
  const fails = async (smaller: Schedule) => {
    const { failure: found } = await playOne(smaller)
    return found !== undefined && kindOf(found) === kindOf(failure)
  }
  if (!(await fails(rounded))) return undefined
  return keptOf(await shrink(rounded, { fails, triesMax }))
}

const triesMax = 600

/** Two failures are of one kind when they begin with the same words. */
function kindOf({ message }: Error): string {
  return message.split(/[\d:]/)[0]!
}
