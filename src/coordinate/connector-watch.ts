import { backoff, type Clock } from '../clock.ts'
import { describe, MillraceError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Connect } from '../source/connect.ts'
import type { ViewWriter } from '../store/writer.ts'
import { Reported } from '../store/reported.ts'

export type ConnectorWatchParts = {
  readonly connect: Pick<Connect, 'status' | 'restart'>
  readonly writer: Pick<ViewWriter, 'report'>
  readonly clock: Clock
  readonly log: Log
}

const lookEveryMs = 3_000
const pauseFirstMs = 1_000
/** What the task waits for may be back after a minute, and a view fresh half a minute later. */
const pauseMostMs = 15_000
/** A task that has run for so long is well again. */
const wellAfterMs = 60_000

/** Starts the connector's task again when it has failed: Connect leaves that to somebody else. */
export class ConnectorWatch {
  readonly #parts: ConnectorWatchParts
  readonly #reported: Reported
  readonly #pause = backoff(pauseFirstMs, pauseMostMs)
  #notBeforeMs = 0
  #failedAtMs: number | undefined
  /** Why it has failed, as it was logged last. */
  #said: string | undefined

  constructor(parts: ConnectorWatchParts) {
    this.#parts = parts
    this.#reported = new Reported(parts.clock, 'connector')
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts
    while (!signal.aborted) {
      try {
        await this.look()
      } catch (error) {
        // Connect or the store is away, which shows elsewhere.
        if (!(error instanceof MillraceError)) throw error
      }
      await clock.sleep(lookEveryMs, signal)
    }
  }

  async look(): Promise<void> {
    const { connect, writer, clock, log } = this.#parts
    const { state, reason = 'no reason given' } = await connect.status()
    const nowMs = clock.monotonicMs()
    if (state === 'failed') {
      this.#failedAtMs = nowMs
      await this.#reported.report(writer, failed(reason))
      if (nowMs < this.#notBeforeMs) return
      const pauseMs = this.#pause.nextMs()
      this.#notBeforeMs = nowMs + pauseMs
      log[reason === this.#said ? 'debug' : 'warn'](
        { reason, hint: hintFor(reason), nextTryMs: Math.round(pauseMs) },
        'the connector has failed and is started again',
      )
      this.#said = reason
      await connect.restart().catch((error: unknown) => {
        log.warn({ reason: describe(error) }, 'the connector could not be started again')
      })
    } else if (state === 'running') {
      if (nowMs - (this.#failedAtMs ?? -wellAfterMs) >= wellAfterMs) {
        this.#pause.reset()
        this.#said = undefined
      }
      await this.#reported.report(writer, undefined)
    }
  }
}

function failed(reason: string): MillraceError {
  return new MillraceError('connector-failed', `the connector's task has failed: ${reason}`, {
    hint: hintFor(reason),
  })
}

function hintFor(reason: string): string {
  if (/slot|offset|LSN|WAL/i.test(reason)) {
    return 'It is started again with growing pauses. If its slot was lost, see "When the slot was lost" in the README.'
  }
  return 'It is started again with growing pauses; the log of Connect says more.'
}
