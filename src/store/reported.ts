import type { Clock } from '../clock.ts'
import type { MillraceError } from '../errors.ts'
import type { ViewWriter } from './writer.ts'

type Fault = Pick<MillraceError, 'code' | 'message' | 'hint'>
type Reports = Pick<ViewWriter, 'report'>

/** The store may have been put back, or another process may have written what it knew. */
const againEveryMs = 30_000

/** What stands still at one place, written down for every API to show when it is another fault. */
export class Reported {
  readonly #clock: Clock
  readonly #place: string
  /** Nobody knows what an earlier process has left there. */
  #last: string | undefined = 'unknown'
  #sinceMs = 0
  #writtenAtMs = Number.NEGATIVE_INFINITY

  /** `place`: a partition's name, or the name of what else stands still. */
  constructor(clock: Clock, place: string) {
    this.#clock = clock
    this.#place = place
  }

  /** Rejects as the store does; what it could not write is written the next time. */
  async report(writer: Reports, fault: Fault | undefined): Promise<void> {
    const nowMs = this.#clock.monotonicMs()
    const isKnown = this.#last === fault?.message
    if (isKnown && nowMs - this.#writtenAtMs < againEveryMs) return
    if (!isKnown) this.#sinceMs = this.#clock.wallMs()
    const problem = fault && {
      code: fault.code,
      message: fault.message,
      hint: fault.hint,
      sinceMs: this.#sinceMs,
    }
    await writer.report(this.#place, problem)
    this.#last = fault?.message
    this.#writtenAtMs = nowMs
  }
}
