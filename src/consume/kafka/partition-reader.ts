import { backoff, systemClock } from '../../clock.ts'
import { MillraceError, describe } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { topicPartitionName, type KafkaOffset, type TopicPartition } from '../../position.ts'
import type { Batch, PartitionReader } from '../change-source.ts'
import type { BrokerConnections } from './broker-connections.ts'
import { batchesOf } from './fetched.ts'
import { bounded, faultKind, kafkaError, topicMissing, type FaultKind } from './kafka-errors.ts'
import { protocolError } from './kafkajs-internals.ts'
import { leadersOf, type LedPartition } from './leaders.ts'
import { boundsOf, noLeader } from './offsets.ts'
import { assertPatched } from './patch-check.ts'
import type { Link, SharedFetches } from './shared-fetches.ts'

export type ReaderLimits = {
  /** Bound of one request; a fetch may take its own wait longer. */
  readonly callTimeoutMs: number
  /** How long the broker holds a fetch that finds nothing; also how long a seek may wait. */
  readonly fetchWaitMs: number
  /** The same for a partition to which nothing was written for a while. */
  readonly idleFetchWaitMs: number
  readonly fetchBytesMax: number
  /** How long a leader that brings nothing is believed before the other brokers are asked. */
  readonly leaderCheckMs: number
}

export const readerDefaults: ReaderLimits = {
  callTimeoutMs: 5_000,
  fetchWaitMs: 250,
  idleFetchWaitMs: 500,
  fetchBytesMax: 1_048_576,
  leaderCheckMs: 30_000,
}

export type ReaderOptions = ReaderLimits & {
  readonly connections: BrokerConnections
  readonly fetches: SharedFetches
  readonly partition: TopicPartition
  readonly lost: AbortSignal
  /** Records of one batch at most. */
  readonly recordsMax: number
  readonly note: (next: KafkaOffset) => void
  readonly log: Log
}

/** Tries of a fetch, one after another, after which the log should say that nothing is read. */
const quietFailures = 5
/** Fetches that found nothing, one after another, after which a partition is idle. */
const idleAfter = 4
const fencedLeaderEpoch = 74
/** What another try meets as well. */
const standing: ReadonlySet<FaultKind> = new Set(['refused', 'unreadable', 'bug'])

/**
 * One partition, read by one fetch at a time on a connection that nobody else uses meanwhile: a
 * fetch names the offset at which it is made, so what it brings can only be what follows there, and
 * a partition that is slow, idle or out of range is nobody else's delay. One fetch is read ahead.
 * Where another reader waits for just the same, both wait for one answer.
 *
 * A fetch also names the topic's id and the leader's epoch as they were when the link was made. So
 * while the link lasts, the log can't have been replaced or cut without the broker saying so.
 */
export class KafkaPartitionReader implements PartitionReader {
  readonly partition: TopicPartition
  readonly lost: AbortSignal
  readonly #options: ReaderOptions
  readonly #pauses = backoff(50, 2_000)
  /** Where the next fetch is made; undefined before the first seek. */
  #position: KafkaOffset | undefined
  /** Counts seeks: what was asked for before the last one is dropped when it arrives. */
  #seeks = 0
  #ready: Batch[] = []
  #failure: unknown
  /** Failed tries, one after another. */
  #failures = 0
  /** Fetches that found nothing, one after another. */
  #empty = 0
  #link: Link | undefined
  /** When it was asked last who leads, monotonic milliseconds. */
  #leaderAskedAtMs = 0
  #wakeReader: () => void = () => undefined
  #wakePump: () => void = () => undefined

  constructor(options: ReaderOptions) {
    this.#options = options
    this.partition = options.partition
    this.lost = options.lost
    this.lost.addEventListener('abort', () => {
      this.#wakeReader()
      this.#wakePump()
    })
  }

  bounds(): Promise<{ readonly start: KafkaOffset; readonly end: KafkaOffset }> {
    const { connections, callTimeoutMs } = this.#options
    const asking = boundsOf(connections, this.partition)
    return bounded(`bounds of ${topicPartitionName(this.partition)}`, callTimeoutMs, asking)
  }

  seek(offset: KafkaOffset): void {
    this.#seeks += 1
    this.#position = offset
    this.#ready = []
    this.#failure = undefined
    this.#empty = 0
    this.#wakePump()
  }

  async next(timeoutMs: number): Promise<Batch | undefined> {
    if (this.#position === undefined) throw new Error('next() before the first seek()')
    if (this.#ready.length === 0 && this.#failure === undefined && !this.lost.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, timeoutMs)
      this.#wakeReader = resolve
      await promise
      clearTimeout(timer)
    }
    if (this.lost.aborted) return undefined
    if (this.#failure !== undefined) throw this.#failure
    const batch = this.#ready.shift()
    this.#wakePump()
    return batch
  }

  note(next: KafkaOffset): void {
    if (!this.lost.aborted) this.#options.note(next)
  }

  /** Fetches until the partition is lost. Resolves always; faults come out of `next`. */
  async pump(): Promise<void> {
    while (!this.lost.aborted) {
      if (!this.#wanted()) {
        const { promise, resolve } = Promise.withResolvers<void>()
        this.#wakePump = resolve
        await promise
        continue
      }
      const seeks = this.#seeks
      try {
        if (this.#link) await this.#fetch(this.#link)
        else this.#link = await this.#connect()
      } catch (error) {
        if (faultKind(error) !== 'out-of-range') await this.#recover(error)
        else if (seeks === this.#seeks) await this.#failOutOfRange(error)
      }
    }
    if (this.#link) this.#options.connections.giveBack(this.#link.broker)
  }

  /** Ahead of the worker by less than a commit's records, and never by more than one fetch. */
  #wanted(): boolean {
    if (this.#position === undefined || this.#failure !== undefined) return false
    const ahead = this.#ready[0]?.records.length ?? 0
    return this.#ready.length <= 1 && ahead < this.#options.recordsMax
  }

  async #connect(): Promise<Link> {
    await assertPatched()
    const { connections } = this.#options
    const { topicId, leader, leaderEpoch } = await this.#led()
    if (!leader) throw noLeader()
    const broker = await connections.take(leader)
    const madeAtMs = systemClock.monotonicMs()
    return { broker, topicId, leaderEpoch, madeAtMs, provedAtMs: undefined, usedAtMs: madeAtMs }
  }

  async #led(): Promise<LedPartition & { readonly topicId: string }> {
    this.#leaderAskedAtMs = systemClock.monotonicMs()
    const { topic, partition } = this.partition
    const known = (await leadersOf(this.#options.connections, [topic])).get(topic)
    const found = known?.partitions.find((each) => each.partition === partition)
    if (!known || !found) throw topicMissing(topicPartitionName(this.partition))
    return { ...found, topicId: known.id }
  }

  async #fetch(link: Link): Promise<void> {
    const [seeks, from] = [this.#seeks, this.#position!]
    const { fetchWaitMs, idleFetchWaitMs, fetchBytesMax, recordsMax, fetches } = this.#options
    const waitMs = this.#empty < idleAfter ? fetchWaitMs : idleFetchWaitMs
    const { partition } = this.partition
    const fetched = await fetches.fetch(link, { partition, from, waitMs, bytesMax: fetchBytesMax })
    if (this.#failures >= quietFailures) this.#options.log.info(this.partition, 'reading again')
    this.#failures = 0
    this.#pauses.reset()
    if (seeks !== this.#seeks) return
    const batches = batchesOf(fetched, from, recordsMax)
    this.#empty = batches.length === 0 ? this.#empty + 1 : 0
    if (batches.length === 0) return this.#refuseDeposed(link)
    this.#position = batches.at(-1)!.next
    this.#append(batches)
    this.#wakeReader()
  }

  /**
   * A leader that was cut off from its cluster does not know that another one leads: it brings
   * nothing, and refuses nothing. Where nobody else can be asked it is believed.
   */
  async #refuseDeposed({ topicId, leaderEpoch }: Link): Promise<void> {
    const sinceMs = systemClock.monotonicMs() - this.#leaderAskedAtMs
    if (sinceMs < this.#options.leaderCheckMs) return
    const led = await this.#led().catch((error: unknown) => {
      if (faultKind(error) === 'bug') throw error
    })
    if (!led || (led.topicId === topicId && led.leaderEpoch <= leaderEpoch)) return
    throw protocolError(fencedLeaderEpoch)
  }

  /** Small batches that wait for the worker become one, so that one commit takes them. */
  #append(batches: Batch[]): void {
    const tail = this.#ready.at(-1)
    const head = batches[0]!
    if (tail && tail.records.length + head.records.length <= this.#options.recordsMax) {
      const records = [...tail.records, ...head.records]
      this.#ready.splice(-1, 1, { ...head, from: tail.from, records }, ...batches.slice(1))
    } else {
      this.#ready.push(...batches)
    }
  }

  async #recover(error: unknown): Promise<void> {
    const kind = faultKind(error)
    const link = this.#link
    this.#link = undefined
    if (link) this.#options.connections.drop(link.broker)
    // A seek made while the fetch was under way does not excuse it: the caller has proved the log
    // before, and what it read then may have been cut since.
    if (standing.has(kind)) this.#fail(kafkaError(this.#reading(), error))
    else if (link) this.#fail(this.#fetchFailed(error))
    this.#failures += 1
    const fields = { ...this.partition, error: describe(error) }
    const level = this.#failures === quietFailures ? 'warn' : 'debug'
    this.#options.log[level](fields, 'nothing can be read; trying again')
    await systemClock.sleep(this.#pauses.nextMs(), this.lost)
  }

  #fail(error: unknown): void {
    this.#failure = error
    this.#ready = []
    this.#wakeReader()
  }

  async #failOutOfRange(cause: unknown): Promise<void> {
    const [seeks, at] = [this.#seeks, this.#position]
    const bounds = await this.bounds().catch(() => undefined)
    if (seeks !== this.#seeks) return
    const name = topicPartitionName(this.partition)
    const holds = bounds ? `; it holds ${bounds.start} to ${bounds.end}` : ''
    const error = new MillraceError('out-of-range', `${name} does not hold offset ${at}${holds}`, {
      cause,
      hint: 'What stood there is gone, or never was in this log.',
    })
    this.#fail(error)
  }

  #fetchFailed(cause: unknown): MillraceError {
    return new MillraceError('fetch-failed', `${this.#reading()}: a fetch failed`, {
      cause,
      hint: 'It goes on by itself once the brokers can be reached and the topic is there.',
    })
  }

  #reading(): string {
    return `reading ${topicPartitionName(this.partition)} at ${this.#position}`
  }
}
