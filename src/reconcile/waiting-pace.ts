import type { Clock } from '../clock.ts'
import type { FullPace, Source } from '../source/source.ts'
import type { Pace } from './walk.ts'

type Rest = Pick<Pace, 'rest'>
type Waited = { readonly source: Pick<Source, 'fullPace'>; readonly clock: Clock }

/** How soon it is seen that nobody else goes at full pace any more. */
export const askForFullPaceMs = 3_000

/**
 * The pace of large tallies for a lap that would go at full pace while another lap does: steady, and
 * full from the moment on in which the other has ended. Many pages of tallies belong to one page of
 * entries, and at the steady pace they may take longer than the other lap's rest.
 */
export class WaitingPace implements Rest {
  readonly #plan: Waited
  readonly #steady: Rest
  #right: FullPace | undefined
  #askAtMs: number

  constructor(plan: Waited, steady: Rest) {
    this.#plan = plan
    this.#steady = steady
    this.#askAtMs = plan.clock.monotonicMs() + askForFullPaceMs
  }

  async rest(...[cost, signal]: Parameters<Pace['rest']>): Promise<void> {
    if (this.#isFull()) return
    const end = new AbortController()
    const over = AbortSignal.any([signal, end.signal])
    const resting = this.#steady.rest(cost, over).finally(() => end.abort())
    try {
      await this.#ask(over)
    } finally {
      end.abort()
      await resting
    }
  }

  /** Until it has the right, or the rest is over. */
  async #ask(over: AbortSignal): Promise<void> {
    const { source, clock } = this.#plan
    for (;;) {
      await clock.sleep(Math.max(0, this.#askAtMs - clock.monotonicMs()), over)
      if (clock.monotonicMs() >= this.#askAtMs) {
        this.#askAtMs = clock.monotonicMs() + askForFullPaceMs
        await this.release()
        this.#right = await source.fullPace()
      }
      if (over.aborted || this.#isFull()) return
    }
  }

  async release(): Promise<void> {
    const right = this.#right
    this.#right = undefined
    await right?.release()
  }

  #isFull(): boolean {
    return this.#right?.lost.aborted === false
  }
}
