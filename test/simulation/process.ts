import type { Clock } from '../../src/clock.ts'
import type { Random } from './random.ts'
import type { Event, Scheduler } from './scheduler.ts'
import type { Service } from './service.ts'

/** When the simulated world begins, by clocks that nobody has set wrong. */
export const beginningMs = Date.UTC(2026, 10, 21, 12)

/** What somebody lies in wait for: the next call of a method, before it is sent or once it is served. */
export type Ambush = {
  readonly when: 'before' | 'after'
  /** May answer how many milliseconds the request is held up on its way. */
  readonly act: (process: Process) => number
}

/**
 * A process of Millrace: whatever it waits for is an event of its own. Killed, none of them comes
 * any more; paused, all of them come when it goes on. What it has sent goes its way all the same.
 */
export class Process {
  readonly name: string
  readonly clock: Clock
  readonly ambushes = new Map<string, Ambush>()
  /** How far its wall clock is from the right time. */
  wallOffsetMs = 0
  readonly #asked = new Set<{ readonly method: string }>()
  #alive = true
  #paused = false
  #deferred: (() => void)[] = []
  readonly #scheduler: Scheduler
  readonly #random: Random

  constructor(name: string, scheduler: Scheduler, random: Random) {
    this.name = name
    this.#scheduler = scheduler
    this.#random = random
    const startedMs = scheduler.activeMs
    this.clock = {
      wallMs: () => Math.floor(beginningMs + scheduler.nowMs + this.wallOffsetMs),
      monotonicMs: () => scheduler.activeMs - startedMs,
      sleep: (ms, signal) => this.#sleep(ms, signal),
    }
  }

  get alive(): boolean {
    return this.#alive
  }

  get paused(): boolean {
    return this.#paused
  }

  /** Calls that it waits for. */
  get asked(): readonly string[] {
    return [...this.#asked].map(({ method }) => method)
  }

  kill(): void {
    this.#alive = false
    this.#deferred = []
  }

  /** `goingOn` is told how much has come meanwhile. */
  pause(ms: number, goingOn: (deferred: number) => void): void {
    if (this.#paused || !this.#alive) return
    this.#paused = true
    this.#scheduler.after(ms, () => {
      this.#paused = false
      const deferred = this.#deferred
      goingOn(deferred.length)
      this.#deferred = []
      for (const run of deferred) this.after(0, run)
    })
  }

  /** In `ms`, if it lives then; once it goes on, if it is paused. */
  after(ms: number, run: () => void): Event {
    const event = this.#scheduler.after(ms, () => {
      if (!this.#alive) return
      const called = () => event.run && run()
      if (this.#paused) this.#deferred.push(called)
      else called()
    })
    return event
  }

  /**
   * A question to a server. The request takes its time, what the server does is one step or a few,
   * and so does the answer, unless one of them is lost: then the caller is told so when it has
   * waited long enough, and what it asked for may have happened, or may still happen.
   */
  async call<T>(service: Service, method: string, serve: () => T | Promise<T>): Promise<T> {
    const asked = { method }
    this.#asked.add(asked)
    try {
      return await this.#call(service, method, serve)
    } finally {
      this.#asked.delete(asked)
    }
  }

  async #call<T>(service: Service, method: string, serve: () => T | Promise<T>): Promise<T> {
    const ambush = this.#ambush(method)
    const heldUpMs = ambush?.when === 'before' ? ambush.act(this) : 0
    if (heldUpMs > 0) await this.#scheduler.delay(heldUpMs)
    const fate = service.fate()
    if (fate.kind === 'lost' || fate.kind === 'late') {
      const serving = fate.kind === 'late' ? this.#scheduler.delay(fate.ms).then(serve) : undefined
      serving?.catch(() => undefined)
      if (fate.kind === 'lost' && fate.served) {
        void this.#scheduler
          .delay(this.#wireMs())
          .then(serve)
          .catch(() => undefined)
      }
      await this.#elapsed(service.timeoutMs)
      throw service.away()
    }
    await this.#scheduler.delay(this.#wireMs() + fate.ms)
    const { error, value } = await served(service, serve)
    if (ambush?.when === 'after') ambush.act(this)
    await this.#elapsed(this.#wireMs() + fate.ms)
    if (error !== undefined) throw error
    return value as T
  }

  #ambush(method: string): Ambush | undefined {
    const found = this.ambushes.get(method)
    this.ambushes.delete(method)
    return found
  }

  #elapsed(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, resolve)
    })
  }

  #wireMs(): number {
    return this.#random.chance(0.03) ? this.#random.between(2, 60) : this.#random.between(0.1, 2)
  }

  #sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const event = this.after(ms + this.#random.between(0, 1.5), () => {
        signal?.removeEventListener('abort', abort)
        resolve()
      })
      const abort = () => {
        event.run = undefined
        resolve()
      }
      signal?.addEventListener('abort', abort, { once: true })
    })
  }
}

async function served<T>(service: Service, serve: () => T | Promise<T>) {
  if (service.down) return { error: service.refusal(), value: undefined }
  try {
    return { error: undefined, value: await serve() }
  } catch (error) {
    return { error, value: undefined }
  }
}
