import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { Doubt } from '../store/state.ts'
import type { ViewWatch } from '../store/view-watch.ts'

export type ToldDoubtsParts = {
  readonly watch: Pick<ViewWatch, 'state'>
  readonly clock: Clock
  readonly log: Log
}

/** A doubt that was raised shows in the state that is known here, unless it has ended, by then. */
const shownAfterMs = 2_000

/** Logs each doubt once while it stands: a snapshot that comes late raises one with every batch. */
export class ToldDoubts {
  readonly #parts: ToldDoubtsParts
  /** When they were logged, monotonic milliseconds by their names. */
  readonly #toldAtMs = new Map<string, number>()

  constructor(parts: ToldDoubtsParts) {
    this.#parts = parts
  }

  tell({ name, code, reason }: Doubt): void {
    const { watch, clock, log } = this.#parts
    const nowMs = clock.monotonicMs()
    const isKnown =
      nowMs - (this.#toldAtMs.get(name) ?? -Infinity) < shownAfterMs ||
      watch.state?.doubts.some((each) => each.name === name)
    if (!isKnown) this.#toldAtMs.set(name, nowMs)
    log[isKnown ? 'debug' : 'error']({ code, reason }, 'doubt raised')
  }
}
