import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import { describe, MillraceError } from '../errors.ts'
import type { KafkaOffset } from '../position.ts'
import type { Barrier, Generation, GenerationId, ViewWriter } from '../store/store.ts'

/** Barriers that a worker which lags behind keeps; beyond it every second one is forgotten. */
const barriersMax = 256

/**
 * What one process knows of a store's generation and of its barriers: asked of the store in turns,
 * shared by all its partitions. Old knowledge is harmless, for every write names the generation.
 */
export class GenerationWatch {
  readonly #writer: ViewWriter
  readonly #clock: Clock
  readonly #log: Log
  #generation: Generation | undefined
  /** Oldest first, all of the generation known now. */
  #barriers: Barrier[] = []
  #wake = Promise.withResolvers<void>()

  constructor(writer: ViewWriter, clock: Clock, log: Log) {
    this.#writer = writer
    this.#clock = clock
    this.#log = log
  }

  /** Asks every `everyMs` until `signal` aborts. A store that is away is asked again. */
  async run(everyMs: number, signal: AbortSignal): Promise<void> {
    let away = false
    while (!signal.aborted) {
      try {
        this.#learn(await this.#writer.generation())
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

  get generation(): Generation | undefined {
    return this.#generation
  }

  /** The generation to write to, other than `not`; undefined when `signal` aborted before. */
  async writable(signal: AbortSignal, not?: GenerationId): Promise<Generation | undefined> {
    return this.#until(signal, () => {
      const known = this.#generation
      return known && known.phase !== 'dropping' && known.id !== not ? known : undefined
    })
  }

  /** The next barrier that answers `holds`; undefined when the generation is another one by then. */
  async barrier(
    generation: GenerationId,
    signal: AbortSignal,
    holds: (barrier: Barrier) => boolean,
  ): Promise<Barrier | undefined> {
    const found = await this.#until(signal, () =>
      this.#generation?.id === generation ? this.#barriers.find(holds) : null,
    )
    return found ?? undefined
  }

  /**
   * Where the identity window of a partition that stands at `next` begins: `from` of the newest
   * barrier whose end it has passed. Undefined when no barrier known is that old.
   */
  window(partition: string, next: KafkaOffset): { from: KafkaOffset; atMs: number } | undefined {
    const passed = this.#barriers.findLast((barrier) => {
      const end = barrier.ends.get(partition)
      return end !== undefined && end <= next
    })
    const from = passed?.from.get(partition)
    return passed && from !== undefined ? { from, atMs: passed.takenAtMs } : undefined
  }

  /** Resolves when something may have changed: at the latest when the store was asked again. */
  async #until<T>(signal: AbortSignal, look: () => T | undefined): Promise<T | undefined> {
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

  #learn(generation: Generation | undefined): void {
    if (generation?.id !== this.#generation?.id) this.#barriers = []
    this.#generation = generation
    const newest = generation?.barrier
    if (newest && newest.lsn > (this.#barriers.at(-1)?.lsn ?? -1n)) this.#barriers.push(newest)
    if (this.#barriers.length > barriersMax) {
      this.#barriers = this.#barriers.filter((_, index) => index % 2 === 1)
    }
    this.#wake.resolve()
    this.#wake = Promise.withResolvers()
  }
}
