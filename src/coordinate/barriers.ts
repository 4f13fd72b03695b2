import type { Clock } from '../clock.ts'
import { describe, MillraceError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { KafkaOffset, Lsn } from '../position.ts'
import type { ViewCoordination } from '../store/coordination.ts'
import type { Barrier, Checkpoint } from '../store/state.ts'
import { outnumbered, type ViewWatch } from '../store/view-watch.ts'
import type { ViewWriter } from '../store/writer.ts'
import { Reported } from '../store/reported.ts'
import { takeBarrier, type BarrierParts } from './barrier.ts'
import { doubt } from './setup-doubts.ts'

export type BarriersParts = BarrierParts & {
  readonly clock: Clock
  readonly coordination: Pick<ViewCoordination, 'publish'>
  readonly watch: ViewWatch
  readonly writer: Pick<ViewWriter, 'report' | 'raise'>
  readonly log: Log
  /** Between barriers while anything moves, and while nothing does. */
  readonly intervalMs: number
  readonly idleMs: number
}

/** Barriers of which it is remembered when they were begun. */
const beginningsMax = 64
const pauseAfterFaultMs = 1_000

/**
 * Takes one barrier after another and publishes them. A barrier may take as long as the connector
 * is behind: then it tells all the more.
 */
export class Barriers {
  readonly #parts: BarriersParts
  /** Number of the one that was begun here last. */
  #begun = 0
  /** Number of the one that was published here last, of which the watch may not have heard yet. */
  #publishedHere = 0
  /** When the last one was asked for, monotonic milliseconds. */
  #askedAtMs = Number.NEGATIVE_INFINITY
  #newest: Barrier | undefined
  /** When markers of barriers that were taken here were begun, monotonic milliseconds by their LSN. */
  readonly #begunAtMs = new Map<Lsn, number>()

  constructor(parts: BarriersParts) {
    this.#parts = parts
  }

  /** The number of a barrier that nobody has begun yet, here or anywhere. */
  get following(): number {
    return Math.max(this.#published + 1, this.#begun) + 1
  }

  get #published(): number {
    return Math.max(this.#parts.watch.state?.barrier?.number ?? 0, this.#publishedHere)
  }

  /** Milliseconds since a barrier was begun. */
  ageMs({ lsn, takenAtMs }: Barrier): number {
    const { clock } = this.#parts
    const begunAtMs = this.#begunAtMs.get(lsn)
    if (begunAtMs !== undefined) return clock.monotonicMs() - begunAtMs
    return Math.max(0, clock.wallMs() - takenAtMs)
  }

  /**
   * One barrier, which is to be published or opened with. Its number follows the published one,
   * however many were begun in vain: others rely on it that none has a higher number.
   */
  async take(signal: AbortSignal): Promise<Barrier | undefined> {
    const { clock } = this.#parts
    const number = this.#published + 1
    this.#begun = number
    this.#askedAtMs = clock.monotonicMs()
    const taken = await takeBarrier({ ...this.#parts, topics: this.#topics() }, number, signal)
    if (!taken) return undefined
    this.#newest = taken.barrier
    this.#begunAtMs.set(taken.barrier.lsn, taken.begunAtMs)
    if (this.#begunAtMs.size > beginningsMax) {
      this.#begunAtMs.delete(this.#begunAtMs.keys().next().value!)
    }
    return taken.barrier
  }

  /** Takes barriers until `signal` aborts. Faults are logged, each once, and tried again. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, writer, log, intervalMs } = this.#parts
    const reported = new Reported(clock, 'watermark')
    let said = ''
    while (!signal.aborted) {
      const startedMs = clock.monotonicMs()
      try {
        await this.#takeIfDue(startedMs, signal)
        await reported.report(writer, undefined)
        if (said) log.info('barriers are taken again')
        said = ''
        const leftMs = intervalMs - (clock.monotonicMs() - startedMs)
        await clock.sleep(Math.max(0, leftMs), signal)
      } catch (error) {
        if (!(error instanceof MillraceError)) throw error
        const text = describe(error)
        if (text !== said) {
          log.warn({ code: error.code, reason: text, hint: error.hint }, 'no barrier can be taken')
        }
        said = text
        await reported.report(writer, error).catch(throwUnlessFault)
        if (error.code === 'another-source') await this.#doubt(error).catch(throwUnlessFault)
        await clock.sleep(pauseAfterFaultMs, signal)
      }
    }
  }

  /**
   * A marker that the connector has passed and that is not in the log was left out, and changes
   * beside it may have been as well: another slot, other offsets or another database were read.
   */
  async #doubt({ message, hint }: MillraceError): Promise<void> {
    const { watch, writer, log } = this.#parts
    const state = watch.state
    if (!state) return
    const lost = doubt('offsets-lost', this.following, { reason: message, ...(hint && { hint }) })
    const known = state.doubts.some(({ name }) => name === lost.name)
    if (!(await writer.raise(state.epoch, lost)) || known) return
    log.error({ code: lost.code, reason: message, hint }, 'doubt raised')
  }

  async #takeIfDue(nowMs: number, signal: AbortSignal): Promise<void> {
    const { admin, coordination, watch, idleMs } = this.#parts
    if (!watch.state) return
    const due = nowMs - this.#askedAtMs >= idleMs || this.#moved(await admin.ends(this.#topics()))
    if (!due && watch.state.doubts.length === 0) return
    const barrier = await this.take(signal)
    // Whoever holds the lease by now may need one that was begun later than this one.
    if (!barrier || signal.aborted) return
    const forget = outnumbered(watch.barriers).map(({ number }) => number)
    await coordination.publish(barrier, forget)
    this.#publishedHere = barrier.number
  }

  /** Those of the own declaration, and of others that are kept. */
  #topics(): readonly string[] {
    const { topics, watch } = this.#parts
    return [...new Set([...topics, ...Object.keys(watch.state?.topics ?? {})])]
  }

  /** True when the topics have grown since the newest barrier. */
  #moved(ends: ReadonlyMap<string, KafkaOffset>): boolean {
    return [...ends].some(([name, end]) => this.#newest?.ends.get(name) !== end)
  }
}

/** The store is away as well, which shows elsewhere. */
function throwUnlessFault(error: unknown): void {
  if (!(error instanceof MillraceError)) throw error
}

/** Whether every partition has passed the barrier's end; false where nothing is known of any. */
export function isPassed({ ends }: Barrier, checkpoints: ReadonlyMap<string, Checkpoint>): boolean {
  if (checkpoints.size === 0) return false
  return [...checkpoints].every(([name, { next }]) => {
    const end = ends.get(name)
    return end !== undefined && next >= end
  })
}
