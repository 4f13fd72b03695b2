import type { Entry } from '../mutation.ts'
import { MillraceError } from '../errors.ts'
import type { Lsn } from '../position.ts'
import { limits } from '../store/limits.ts'
import type { Looked } from '../view/lookup.ts'
import type { View } from '../view/view.ts'
import type { ViewAnswer } from './served-view.ts'

/** What one reader gets: of one moment, all of it. */
export type ReadAnswer =
  | Extract<ViewAnswer, { kind: 'unavailable' }>
  | {
      readonly kind: 'serving'
      /** Has the names by which entries go. */
      readonly view: View
      readonly watermark: Lsn
      readonly ageMs: number
      readonly doubts: readonly string[]
      /** In the order of the keys, null where there is nothing under one. */
      readonly entries: readonly (Entry | null)[]
      readonly looked?: Looked | undefined
    }

/** Whoever answers all keys at once. */
export type Reads = { read(keys: readonly string[]): Promise<ViewAnswer> }

export type ReadQueueOptions = {
  /** Bound of a reader's wait, of which the queue and the store have their share. */
  readonly timeoutMs: number
  /** Readers that wait at once. */
  readonly readsMax: number
  /** What a read of one entry costs the store, where that of a plain one costs 1. */
  readonly weight?: number
}

/** Calls of the store under way at once. Beyond them keys gather for the next one. */
const callsMax = 16

type Waiter = {
  readonly keys: readonly string[]
  settled: boolean
  readonly answer: (answer: ReadAnswer) => void
  readonly fail: (error: unknown) => void
}

/**
 * Gathers the reads of one turn of the event loop into one call of the store: under even load that
 * is a call each, under a burst far fewer than requests, so that a burst costs the store little.
 */
export class ReadQueue {
  readonly #reader: Reads
  readonly #timeoutMs: number
  readonly #readsMax: number
  /** Of one call. */
  readonly #keysMax: number
  #gathered: Waiter[] = []
  #flushing = false
  #calls = 0
  #waiting = 0

  constructor(reader: Reads, { timeoutMs, readsMax, weight = 1 }: ReadQueueOptions) {
    this.#reader = reader
    this.#timeoutMs = timeoutMs
    this.#readsMax = readsMax
    this.#keysMax = Math.max(1, Math.floor(limits.readKeysMax / weight))
  }

  /**
   * At most `limits.readKeysMax` keys. Rejects with `overloaded` at once, with `read-timeout` after
   * the bound, or as the store does.
   */
  read(keys: readonly string[]): Promise<ReadAnswer> {
    if (this.#waiting >= this.#readsMax) return Promise.reject(overloaded(this.#readsMax))
    this.#waiting += 1
    return new Promise<ReadAnswer>((resolve, reject) => {
      const timer = setTimeout(() => waiter.fail(timedOut(this.#timeoutMs)), this.#timeoutMs)
      const settle = () => {
        if (waiter.settled) return false
        waiter.settled = true
        clearTimeout(timer)
        this.#waiting -= 1
        return true
      }
      const waiter: Waiter = {
        keys,
        settled: false,
        answer: (answer) => void (settle() && resolve(answer)),
        fail: (error) => void (settle() && reject(error)),
      }
      this.#gathered.push(waiter)
      this.#flushSoon()
    })
  }

  #flushSoon(): void {
    if (this.#flushing || this.#calls >= callsMax) return
    this.#flushing = true
    setImmediate(() => {
      this.#flushing = false
      this.#flush()
    })
  }

  #flush(): void {
    this.#gathered = this.#gathered.filter((waiter) => !waiter.settled)
    while (this.#gathered.length > 0 && this.#calls < callsMax) {
      this.#call(this.#gathered.splice(0, fitting(this.#gathered, this.#keysMax)))
    }
  }

  /** A call that never ends gives its place back after the bound; its readers have left by then. */
  #call(waiters: readonly Waiter[]): void {
    const indexes = new Map<string, number>()
    for (const key of waiters.flatMap(({ keys }) => keys)) {
      if (!indexes.has(key)) indexes.set(key, indexes.size)
    }
    this.#calls += 1
    let over = false
    const end = () => {
      if (over) return
      over = true
      clearTimeout(timer)
      this.#calls -= 1
      if (this.#gathered.length > 0) this.#flushSoon()
    }
    const timer = setTimeout(end, this.#timeoutMs)
    const settle = async () => {
      try {
        const result = await this.#reader.read([...indexes.keys()])
        end()
        for (const waiter of waiters) waiter.answer(answerOf(result, waiter.keys, indexes))
      } catch (error) {
        end()
        this.#failed(waiters, error)
      }
    }
    void settle()
  }

  /** One broken key must not fail those that were asked with it: halves are asked again. */
  #failed(waiters: readonly Waiter[], error: unknown): void {
    const retriable = error instanceof MillraceError && error.retriable
    const [first] = waiters[0]!.keys
    const alike = waiters.every(({ keys }) => keys.length === 1 && keys[0] === first)
    if (retriable || alike || waiters.length === 1) {
      for (const waiter of waiters) waiter.fail(error)
      return
    }
    const half = waiters.length >> 1
    this.#call(waiters.slice(0, half))
    this.#call(waiters.slice(half))
  }
}

/** How many of the waiters one call takes. */
function fitting(waiters: readonly Waiter[], keysMax: number): number {
  let keys = 0
  const over = waiters.findIndex((waiter) => {
    keys += waiter.keys.length
    return keys > keysMax
  })
  return over < 0 ? waiters.length : Math.max(1, over)
}

function answerOf(
  answer: ViewAnswer,
  keys: readonly string[],
  indexes: ReadonlyMap<string, number>,
): ReadAnswer {
  if (answer.kind === 'unavailable') return answer
  const entries = keys.map((key) => answer.entries[indexes.get(key)!] ?? null)
  return { ...answer, entries }
}

function overloaded(readsMax: number): MillraceError {
  return new MillraceError('overloaded', `${readsMax} reads are waiting for the store already`)
}

function timedOut(timeoutMs: number): MillraceError {
  return new MillraceError('read-timeout', `the store did not answer within ${timeoutMs} ms`)
}
