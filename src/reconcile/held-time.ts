import type { FullPace, Source } from '../source/source.ts'
import type { Plan } from './plan.ts'

/** The right to go at full pace as the source gives it, and for how long it is held. */
export class HeldTime implements Pick<Source, 'fullPace'> {
  readonly #plan: Pick<Plan, 'source' | 'clock'>
  /** Monotonic milliseconds; undefined while it is not held. */
  #sinceMs: number | undefined
  #heldMs = 0

  constructor(plan: Pick<Plan, 'source' | 'clock'>) {
    this.#plan = plan
  }

  async fullPace(): Promise<FullPace | undefined> {
    const right = await this.#plan.source.fullPace()
    if (!right) return undefined
    this.#sinceMs = this.#plan.clock.monotonicMs()
    const end = () => {
      this.#heldMs += this.#running()
      this.#sinceMs = undefined
    }
    right.lost.addEventListener('abort', end, { once: true })
    const release = async () => {
      end()
      await right.release()
    }
    return { lost: right.lost, release }
  }

  /** Milliseconds for which it was held since this was asked last. */
  take(): number {
    const heldMs = this.#heldMs + this.#running()
    this.#heldMs = 0
    if (this.#sinceMs !== undefined) this.#sinceMs = this.#plan.clock.monotonicMs()
    return heldMs
  }

  #running(): number {
    return this.#sinceMs === undefined ? 0 : this.#plan.clock.monotonicMs() - this.#sinceMs
  }
}
