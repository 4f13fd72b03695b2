import { setImmediate as tick } from 'node:timers/promises'
import type { Clock } from '../../src/clock.ts'

type Sleeper = { readonly dueMs: number; readonly wake: () => void }

/** Time that stands still until a test moves it. */
export class ManualClock implements Clock {
  #nowMs = 1_000
  #wallAheadMs = 1_700_000_000_000
  #sleepers: Sleeper[] = []

  wallMs(): number {
    return this.#wallAheadMs + this.#nowMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return
    if (ms <= 0) return tick()
    const { promise, resolve } = Promise.withResolvers<void>()
    const sleeper = { dueMs: this.#nowMs + ms, wake: () => resolve() }
    this.#sleepers.push(sleeper)
    signal?.addEventListener('abort', sleeper.wake, { once: true })
    await promise
    signal?.removeEventListener('abort', sleeper.wake)
    this.#sleepers = this.#sleepers.filter((each) => each !== sleeper)
  }

  /** Milliseconds until each of those that sleep wakes, the next one first. */
  get waits(): readonly number[] {
    return this.#sleepers.map(({ dueMs }) => dueMs - this.#nowMs).toSorted((a, b) => a - b)
  }

  /** Moves on by `ms`. Whoever sleeps until then wakes in turn, and does what it has to do. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms
    await settled()
    for (;;) {
      const next = this.#sleepers.toSorted((a, b) => a.dueMs - b.dueMs)[0]
      if (!next || next.dueMs > untilMs) break
      this.#nowMs = next.dueMs
      next.wake()
      await settled()
    }
    this.#nowMs = untilMs
    await settled()
  }

  /** Sets the wall clock ahead or back, as people do. */
  setWall(byMs: number): void {
    this.#wallAheadMs += byMs
  }

  /** Moves from one that wakes to the next until `work` is done. Throws when it waits for ever. */
  async until<T>(work: Promise<T>, mostMs = 3_600_000): Promise<T> {
    const settledWork = { done: false }
    const end = () => {
      settledWork.done = true
    }
    work.then(end, end)
    const lastMs = this.#nowMs + mostMs
    await settled()
    while (!settledWork.done) {
      const [waitMs] = this.waits
      if (waitMs === undefined) throw new Error('it waits for something that never comes')
      if (this.#nowMs + waitMs > lastMs) throw new Error(`it is not done after ${mostMs} ms`)
      await this.advance(waitMs)
    }
    return work
  }
}

/** Lets everything go on that waits for nothing but its turn. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 12; turn += 1) await tick()
}
