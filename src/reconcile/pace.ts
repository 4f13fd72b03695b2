import type { Clock } from '../clock.ts'
import type { Cost, Pace } from './walk.ts'

/** At full pace: as fast as the source answers, in bounded memory. */
export const fullPace: Pace = {
  keysMax: 5_000,
  charsAhead: 16_000_000,
  rest: () => Promise.resolve(),
}

/** The same for a process that does nothing else: what waits for a barrier is more by then. */
export const verifyPace: Pace = { ...fullPace, charsAhead: 64_000_000 }

export type SteadyOptions = {
  /** Source rows that are read at most in a second. */
  readonly rowsPerSecond: number
  /** The part of its time at most that the process, or the source for it, is busy with looks. */
  readonly shareMax: number
}

/** All the time, beside everything else: by rows, and never more than a share of the time. */
export function steadyPace(clock: Clock, { rowsPerSecond, shareMax }: SteadyOptions): Pace {
  return {
    keysMax: 1_000,
    charsAhead: 4_000_000,
    rest: ({ rows, busyMs }: Cost, signal) => {
      const byRows = (rows / rowsPerSecond) * 1_000 - busyMs
      const byShare = (busyMs * (1 - shareMax)) / shareMax
      return clock.sleep(Math.max(byRows, byShare), signal)
    },
  }
}
