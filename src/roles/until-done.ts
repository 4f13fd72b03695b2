import { backoff, type Clock } from '../clock.ts'
import { describe, MillraceError } from '../errors.ts'
import type { Log } from '../log.ts'

const pauseFirstMs = 500
const pauseMostMs = 30_000

/** Tries `act` until it resolves, with growing pauses; a bug ends the process. */
export async function untilDone<T>(
  {
    log,
    clock,
    signal,
  }: { readonly log: Log; readonly clock: Clock; readonly signal: AbortSignal },
  act: () => Promise<T>,
): Promise<T | undefined> {
  const pause = backoff(pauseFirstMs, pauseMostMs)
  while (!signal.aborted) {
    const startedMs = clock.monotonicMs()
    try {
      return await act()
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error
      if (clock.monotonicMs() - startedMs > pauseMostMs) pause.reset()
      const level = error.retriable ? 'warn' : 'error'
      log[level]({ code: error.code, reason: describe(error), hint: error.hint }, 'trying again')
      await clock.sleep(pause.nextMs(), signal)
    }
  }
  return undefined
}
