import { setTimeout as sleepFor } from 'node:timers/promises'

/** Time, as everything is given it that decides or waits. Delays are measured on `monotonicMs`, which no one can set. */
export type Clock = {
  /** Milliseconds since 1970 by the wall clock, which may jump. */
  wallMs(): number
  /** Milliseconds since an unknown moment, never going back. */
  monotonicMs(): number
  /** Resolves after `ms`, or at once when `signal` aborts; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) => sleepFor(ms, undefined, signal ? { signal } : {}).catch(() => undefined),
}

/** Aborts after `ms`, or with `signal`. */
export function bounded(clock: Clock, ms: number, signal: AbortSignal): AbortSignal {
  const late = new AbortController()
  void clock.sleep(ms, signal).then(() => late.abort())
  return late.signal
}

/**
 * Pauses between tries: growing by doubling from `firstMs` to `mostMs`, each drawn between half
 * and the whole of it, so that workers that failed together don't come back together.
 */
export function backoff(firstMs: number, mostMs: number, random: () => number = Math.random) {
  let tries = 0
  return {
    nextMs(): number {
      const ceiling = Math.min(mostMs, firstMs * 2 ** tries)
      tries = Math.min(tries + 1, 30)
      return ceiling * (0.5 + random() / 2)
    },
    reset(): void {
      tries = 0
    },
  }
}
