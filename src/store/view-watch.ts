import type { Clock } from '../clock.ts'
import { describe, MillraceError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { KafkaOffset } from '../position.ts'
import type { ViewWatchable } from './coordination.ts'
import type { Barrier, Epoch, ViewState } from './state.ts'

/** Barriers that are kept, in the store and in each process. */
const barriersMax = 64
/** No store goes back and is given two more barriers within this. */
const apartMs = 1_000

/**
 * What one process knows of a view's state and of its barriers: asked of the store in turns, shared
 * by all that the process does for the view. Old knowledge is harmless, for every write names the
 * epoch, and what a barrier says stays true.
 */
export class ViewWatch {
  readonly #watchable: ViewWatchable
  readonly #clock: Clock
  readonly #log: Log
  #state: ViewState | undefined
  /** By their numbers. */
  #barriers: readonly Barrier[] = []
  /** When the state was asked for last that has come, monotonic milliseconds. */
  #askedAtMs = Number.NEGATIVE_INFINITY
  #wake = Promise.withResolvers<void>()

  constructor(watchable: ViewWatchable, clock: Clock, log: Log) {
    this.#watchable = watchable
    this.#clock = clock
    this.#log = log
  }

  /** Asks every `everyMs` until `signal` aborts. A store that is away is asked again. */
  async run(everyMs: number, signal: AbortSignal): Promise<void> {
    let away = false
    while (!signal.aborted) {
      try {
        await this.ask()
        if (away) this.#log.info('the store answers again')
        away = false
      } catch (error) {
        if (!(error instanceof MillraceError)) throw error
        if (!away) this.#log.warn({ reason: describe(error) }, 'the store does not answer')
        away = true
      }
      await this.#clock.sleep(everyMs, signal)
    }
    this.#wake.resolve()
  }

  /** Asks once, now. */
  async ask(): Promise<ViewState | undefined> {
    const askedAtMs = this.#clock.monotonicMs()
    const state = await this.#watchable.state()
    const newest = state?.barrier
    const known = this.#barriers.at(-1)
    const isClose = this.#clock.monotonicMs() - this.#askedAtMs < apartMs
    const isNext = isClose && newest !== undefined && newest.number - 1 === known?.number
    if (state?.epoch !== this.#state?.epoch || !(isNext || isSame(newest, known))) {
      this.#barriers = state ? await this.#watchable.barriers() : []
    } else if (isNext) {
      const gone = new Set(outnumbered(this.#barriers))
      this.#barriers = [...this.#barriers.filter((each) => !gone.has(each)), newest]
    }
    this.#state = state
    this.#askedAtMs = askedAtMs
    this.#wake.resolve()
    this.#wake = Promise.withResolvers()
    return state
  }

  get state(): ViewState | undefined {
    return this.#state
  }

  get barriers(): readonly Barrier[] {
    return this.#barriers
  }

  /** The newest barrier below whose end everything of the partition stands before `next`. */
  passed(partition: string, next: KafkaOffset): Barrier | undefined {
    return this.#barriers.findLast((barrier) => {
      const end = barrier.ends.get(partition)
      return end !== undefined && end <= next
    })
  }

  /** The state once it has an epoch other than `not`; undefined when `signal` aborted before. */
  async begun(signal: AbortSignal, not?: Epoch): Promise<ViewState | undefined> {
    return this.until(signal, () => {
      const known = this.#state
      return known && known.epoch !== not ? known : undefined
    })
  }

  /** What `look` answers, asked again whenever the store was; undefined when `signal` aborted. */
  async until<T>(signal: AbortSignal, look: () => T | undefined): Promise<T | undefined> {
    while (!signal.aborted) {
      const found = look()
      if (found !== undefined) return found
      const aborted = Promise.withResolvers<void>()
      const abort = () => aborted.resolve()
      signal.addEventListener('abort', abort, { once: true })
      await Promise.race([this.#wake.promise, aborted.promise])
      signal.removeEventListener('abort', abort)
    }
    return undefined
  }
}

/** A store that went back gives numbers again, to barriers that stand elsewhere. */
function isSame(a: Barrier | undefined, b: Barrier | undefined): boolean {
  if (!a || !b) return false
  return a.number === b.number && a.lsn === b.lsn && a.transaction === b.transaction
}

/**
 * Those of the barriers that go when one more comes, as many as are too many then. The newer half
 * stays whole, for those who are nearly up to date. Of the older ones goes the one that is missed
 * least: the barriers around it are closest together for their age. So whoever is behind by any
 * number of barriers finds one that is not much more than that behind. Whoever publishes a barrier
 * has the store forget the same.
 */
export function outnumbered(barriers: readonly Barrier[]): readonly Barrier[] {
  const left = [...barriers]
  const gone: Barrier[] = []
  while (left.length >= barriersMax) gone.push(...left.splice(leastMissed(left), 1))
  return gone
}

/** Where it stands among them. */
function leastMissed(barriers: readonly Barrier[]): number {
  const next = barriers.at(-1)!.number + 1
  const ageOf = (at: number) => next - barriers[at]!.number
  let [found, least] = [1, Infinity]
  for (let at = 1; at <= barriers.length - barriersMax / 2; at += 1) {
    const ratio = ageOf(at - 1) / ageOf(at + 1)
    if (ratio < least) [found, least] = [at, ratio]
  }
  return found
}
