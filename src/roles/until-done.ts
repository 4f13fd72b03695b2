import { backoff, systemClock } from '../clock.ts'
import { describe, MillraceError } from '../errors.ts'
import type { Log } from '../log.ts'

const pauseFirstMs = 500
const pauseMostMs = 30_000

/** Tries `act` until it resolves, with growing pauses; a bug ends the process. */
export async function untilDone<T>(
  log: Log,
  signal: AbortSignal,
  act: () => Promise<T>,
): Promise<T | undefined> {
  const pause = backoff(pauseFirstMs, pauseMostMs)
  while (!signal.aborted) {
    const startedMs = systemClock.monotonicMs()
    try {
      return await act()
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error
      if (systemClock.monotonicMs() - startedMs > pauseMostMs) pause.reset()
      const level = error.retriable ? 'warn' : 'error'
      log[level]({ code: error.code, reason: describe(error), hint: error.hint }, 'trying again')
      await systemClock.sleep(pause.nextMs(), signal)
    }
  }
  return undefined
}
