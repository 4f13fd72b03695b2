import type { Clock } from '../clock.ts'
import type { MillraceError } from '../errors.ts'
import type { ViewWriter } from '../store/writer.ts'

export type ReportedParts = {
  readonly writer: Pick<ViewWriter, 'report'>
  readonly clock: Clock
}

type Fault = Pick<MillraceError, 'code' | 'message' | 'hint'>

/** What stands still at one place, written down for every API to show when it is another fault. */
export class Reported {
  readonly #parts: ReportedParts
  readonly #place: string
  /** Nobody knows what an earlier coordinator has left. */
  #last: string | undefined = 'unknown'

  constructor(parts: ReportedParts, place: string) {
    this.#parts = parts
    this.#place = place
  }

  /** Rejects as the store does; what it could not write is written the next time. */
  async report(fault: Fault | undefined): Promise<void> {
    if (this.#last === fault?.message) return
    const { writer, clock } = this.#parts
    const problem = fault && {
      code: fault.code,
      message: fault.message,
      hint: fault.hint,
      sinceMs: clock.wallMs(),
    }
    await writer.report(this.#place, problem)
    this.#last = fault?.message
  }
}
