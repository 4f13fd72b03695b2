/**
 * Compares a view with its source all the time, lap by lap: first the keys in the source's order,
 * then those that the store has. What the laps are for decides their pace: to fill a view that was
 * begun, to end doubts, or only to see that all is right.
 */
import { backoff, type Clock } from '../clock.ts'
import { describe, MillraceError } from '../errors.ts'
import type { ViewState } from '../store/state.ts'
import type { ViewWatch } from '../store/view-watch.ts'
import type { Plan } from './plan.ts'
import { Turn, type TurnOptions } from './turn.ts'
import { nothingCarried } from './written-lap.ts'

export type ReconcilerParts = TurnOptions & {
  readonly plan: (state: ViewState) => Plan
  readonly watch: ViewWatch
  readonly clock: Clock
}

const idleMs = 500
const pauseFirstMs = 200
const pauseMostMs = 10_000

/** Runs until `signal` aborts. Faults are logged, each once, and tried again. */
export async function reconcile(parts: ReconcilerParts, signal: AbortSignal): Promise<void> {
  const { log, watch, clock, plan } = parts
  const pause = backoff(pauseFirstMs, pauseMostMs)
  const carried = nothingCarried()
  let said = ''
  while (!signal.aborted) {
    const state = watch.state
    if (state?.fingerprint === undefined) {
      await clock.sleep(idleMs, signal)
      continue
    }
    try {
      await new Turn(parts, plan(state), state, carried).run(signal)
      pause.reset()
      said = ''
      // The next one goes on from what this one has written.
      await watch.ask().catch(() => undefined)
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error
      if (signal.aborted) return
      const text = describe(error)
      if (error.code !== 'look-void' && text !== said) {
        log.warn({ code: error.code, reason: text, hint: error.hint }, 'looks wait')
        said = text
      }
      await clock.sleep(pause.nextMs(), signal)
      await watch.ask().catch(() => undefined)
    }
  }
}
