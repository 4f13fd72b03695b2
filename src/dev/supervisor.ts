import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe } from '../errors.ts'
import type { Chain } from './chain.ts'
import { answers } from './readiness.ts'
import type { Say } from './say.ts'
import { waitFor } from './wait.ts'

const pauseFirstMs = 1_000
const pauseMostMs = 30_000
/** After this long without an end, a process is thought to be well again. */
const wellAfterMs = 60_000
const answerTimeoutMs = 180_000

export type SupervisorOptions = {
  readonly say: Say
  /** Ends the watch. */
  readonly signal: AbortSignal
}

/** Starts again whatever process of a chain ends, with pauses that grow from 1 s to 30 s. */
export class Supervisor {
  readonly #chain: Chain
  readonly #say: Say
  readonly #signal: AbortSignal
  readonly #pauses = new Map<string, GrowingPause>()

  constructor(chain: Chain, options: SupervisorOptions) {
    this.#chain = chain
    this.#say = options.say
    this.#signal = options.signal
  }

  /** Resolves when the signal aborts. */
  async watch(): Promise<void> {
    const { processes } = this.#chain
    processes.onExit((name, how) => void this.#raise(name, how))
    for (const { name } of processes.list()) {
      if (!processes.isAlive(name)) void this.#raise(name, 'ended early')
    }
    if (!this.#signal.aborted) await once(this.#signal, 'abort')
  }

  /** Never rejects: a start that fails is only the next reason to try again. */
  async #raise(name: string, how: string): Promise<void> {
    if (this.#signal.aborted) return
    const pauseMs = this.#pause(name).next()
    this.#say(`${name} ended (${how}); starting it again in ${pauseMs / 1_000} s`)
    try {
      await sleep(pauseMs, undefined, { signal: this.#signal })
      this.#chain.startAgain(name)
    } catch (error) {
      if (this.#signal.aborted) return
      return this.#raise(name, describe(error))
    }
    await this.#tellWhenUp(name)
  }

  async #tellWhenUp(name: string): Promise<void> {
    const startedAtMs = performance.now()
    try {
      await waitFor(() => answers(name, this.#chain.env), {
        what: name,
        timeoutMs: answerTimeoutMs,
        check: () => {
          this.#signal.throwIfAborted()
          if (!this.#chain.processes.isAlive(name)) throw new Error('ended again')
        },
      })
      const seconds = ((performance.now() - startedAtMs) / 1_000).toFixed(1)
      this.#say(`${name} is up again after ${seconds} s`)
    } catch (error) {
      const alive = this.#chain.processes.isAlive(name)
      if (alive && !this.#signal.aborted) this.#say(describe(error))
    }
  }

  #pause(name: string): GrowingPause {
    const pause = this.#pauses.get(name) ?? new GrowingPause()
    this.#pauses.set(name, pause)
    return pause
  }
}

/** 1, 2, 4 … 30 s, and from 1 s again after it hasn't been asked for a while. */
class GrowingPause {
  #pauseMs = 0
  #lastMs = -Infinity

  next(): number {
    const well = performance.now() - this.#lastMs > wellAfterMs
    this.#pauseMs = well ? pauseFirstMs : Math.min(this.#pauseMs * 2, pauseMostMs)
    this.#lastMs = performance.now()
    return this.#pauseMs
  }
}
