import type { Clock } from '../clock.ts'
import type { MillraceError } from '../errors.ts'
import type { ViewWriter } from './writer.ts'

type Fault = Pick<MillraceError, 'code' | 'message' | 'hint'>
type Reports = Pick<ViewWriter, 'report'>

/** What stands still at one place, written down for every API to show when it is another fault. */
export class Reported {
  readonly #clock: Clock
  readonly #place: string
  /** Nobody knows what an earlier process has left there. */
  #last: string | undefined = 'unknown'

  /** `place`: a partition's name, or the name of what else stands still. */
  constructor(clock: Clock, place: string) {
    this.#clock = clock
    this.#place = place
  }

  /** Rejects as the store does; what it could not write is written the next time. */
  async report(writer: Reports, fault: Fault | undefined): Promise<void> {
    if (this.#last === fault?.message) return
    const problem = fault && {
      code: fault.code,
      message: fault.message,
      hint: fault.hint,
      sinceMs: this.#clock.wallMs(),
    }
    await writer.report(this.#place, problem)
    this.#last = fault?.message
  }
}
