import { backoff, type Clock } from '../clock.ts'
import { describe } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Connect, ConnectorStatus } from '../source/connect.ts'

export type ConnectorTaskParts = {
  readonly connect: Pick<Connect, 'status' | 'restart'>
  readonly clock: Clock
  readonly log: Log
}

/** What was heard of the task is news for so long. */
const newsMs = 2_000
const pauseFirstMs = 1_000
/** What the task waits for may be back after a minute, and a view fresh half a minute later. */
const pauseMostMs = 15_000
/** A task that has run for so long is well again. */
const wellAfterMs = 60_000
/** Views look at the set-up once a second: all that need a restart ask for it within this. */
const togetherMs = 1_500

/**
 * The connector's task, started again when it has failed, for Connect leaves that to somebody else,
 * and when views need it to look anew. All views of a process share it, so that however many of them
 * coordinate here, it is asked for once in a while and started again once a pause, or once for all.
 */
export class ConnectorTask {
  readonly #parts: ConnectorTaskParts
  readonly #pause = backoff(pauseFirstMs, pauseMostMs)
  #newest: { readonly atMs: number; readonly status: Promise<ConnectorStatus> } | undefined
  #notBeforeMs = 0
  #failedAtMs: number | undefined
  /** A restart that has not begun yet: for all who ask until then. */
  #asked: Promise<void> | undefined
  /** Why it has failed, as it was logged last. */
  #said: string | undefined

  constructor(parts: ConnectorTaskParts) {
    this.#parts = parts
  }

  /** How it is, or was a moment ago. Rejects as Connect does. */
  look(): Promise<ConnectorStatus> {
    const nowMs = this.#parts.clock.monotonicMs()
    if (!this.#newest || nowMs - this.#newest.atMs >= newsMs) {
      this.#newest = { atMs: nowMs, status: this.#look() }
    }
    return this.#newest.status
  }

  /**
   * Starts it again, whether it has failed or not, once for all who ask within a moment. Rejects as
   * Connect does.
   */
  restart(): Promise<void> {
    this.#asked ??= this.#restartTogether()
    return this.#asked
  }

  async #restartTogether(): Promise<void> {
    const { connect, clock, log } = this.#parts
    await clock.sleep(togetherMs)
    this.#asked = undefined
    log.info('the connector is restarted')
    await connect.restart()
  }

  async #look(): Promise<ConnectorStatus> {
    const { connect, clock } = this.#parts
    const status = await connect.status()
    const nowMs = clock.monotonicMs()
    if (status.state === 'failed') {
      this.#failedAtMs = nowMs
      if (nowMs >= this.#notBeforeMs) await this.#restartFailed(reasonOf(status), nowMs)
    } else if (status.state === 'running' && this.#isWell(nowMs)) {
      this.#pause.reset()
      this.#said = undefined
    }
    return status
  }

  #isWell(nowMs: number): boolean {
    return this.#failedAtMs === undefined || nowMs - this.#failedAtMs >= wellAfterMs
  }

  async #restartFailed(reason: string, nowMs: number): Promise<void> {
    const { connect, log } = this.#parts
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
  }
}

/** Why it has failed. */
export function reasonOf({ reason = 'no reason given' }: ConnectorStatus): string {
  return reason
}

export function hintFor(reason: string): string {
  if (/slot|offset|LSN|WAL/i.test(reason)) {
    return 'It is started again with growing pauses. If its slot was lost, see "When the slot was lost" in the README.'
  }
  return 'It is started again with growing pauses; the log of Connect says more.'
}
