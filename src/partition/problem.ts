import type { Clock } from '../clock.ts'
import type { PartitionReader } from '../consume/change-source.ts'
import { describe, MillraceError } from '../errors.ts'
import type { Log } from '../log.ts'
import { topicPartitionName } from '../position.ts'
import { Reported } from '../store/reported.ts'
import type { ViewWriter } from '../store/writer.ts'

export type ProblemParts = {
  readonly reader: PartitionReader
  readonly clock: Clock
  readonly log: Log
}

/** Shows in the store what stops a partition, each thing once, until the partition moves again. */
export class ReportedProblem {
  readonly #parts: ProblemParts
  readonly #reported: Reported
  #logged: string | undefined
  #sinceMs = 0
  /** What was passed last, for its cause is mended, and when. */
  #passed: { readonly message: string; readonly atMs: number } | undefined

  constructor(parts: ProblemParts) {
    this.#parts = parts
    this.#reported = new Reported(parts.clock, topicPartitionName(parts.reader.partition))
  }

  /** What passes by itself is logged only: the age of the view shows it. */
  async report(writer: ViewWriter | undefined, error: MillraceError): Promise<void> {
    const { clock, log } = this.#parts
    const { code, hint } = error
    const message = describe(error)
    const passes = error.retriable && !error.waitsForPeople
    if (this.#logged !== message) {
      log[passes ? 'warn' : 'error']({ code, reason: message, hint }, 'partition stopped')
      this.#logged = message
      this.#sinceMs = clock.monotonicMs()
    }
    if (passes || !writer) return
    try {
      await this.#reported.report(writer, { code, message, hint })
    } catch {
      // A store that is away shows itself; the next try reports again.
    }
  }

  /** Whether this very fault has stood in the way for so long, or was passed within that time. */
  hasStood(error: MillraceError, ms: number): boolean {
    const nowMs = this.#parts.clock.monotonicMs()
    const message = describe(error)
    if (this.#passed?.message === message && nowMs - this.#passed.atMs < ms) return true
    return this.#logged === message && nowMs - this.#sinceMs >= ms
  }

  /** Many records may have been written while it stood: what follows soon needs not stand as long. */
  passed(error: MillraceError): void {
    this.#passed = { message: describe(error), atMs: this.#parts.clock.monotonicMs() }
  }

  async clear(writer: ViewWriter): Promise<void> {
    this.#logged = undefined
    await this.#reported.report(writer, undefined)
  }
}
