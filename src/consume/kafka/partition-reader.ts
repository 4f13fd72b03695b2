import { systemClock, backoff } from '../../clock.ts'
import { MillraceError, describe } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { topicPartitionName, type KafkaOffset, type TopicPartition } from '../../position.ts'
import type { Batch, PartitionReader } from '../change-source.ts'
import { batchesOf } from './fetched.ts'
import { partitionOffsets } from './high-watermarks.ts'
import { bounded, faultKind, kafkaError } from './kafka-errors.ts'
import {
  dedicatedBroker,
  isolation,
  offsetOf,
  type Broker,
  type Cluster,
  type FetchedPartition,
} from './kafkajs-internals.ts'

export type ReaderOptions = {
  readonly cluster: Cluster
  readonly partition: TopicPartition
  readonly lost: AbortSignal
  readonly recordsMax: number
  /** How long the broker holds a fetch that finds nothing; also how long a seek may wait. */
  readonly fetchWaitMs: number
  readonly fetchBytesMax: number
  readonly callTimeoutMs: number
  readonly note: (next: KafkaOffset) => void
  readonly log: Log
}

/** Tries of a fetch, one after another, after which the log should say that nothing is read. */
const quietFailures = 5

/**
 * One partition, read by one fetch at a time on a connection of its own: a fetch names the offset
 * at which it is made, so what it brings can only be what follows there, and a partition that is
 * slow, idle or out of range is nobody else's delay. One fetch is read ahead of the worker.
 */
export class KafkaPartitionReader implements PartitionReader {
  readonly partition: TopicPartition
  readonly lost: AbortSignal
  readonly #options: ReaderOptions
  /** Where the next fetch is made; undefined before the first seek. */
  #position: KafkaOffset | undefined
  /** Counts seeks: what was asked for before the last one is dropped when it arrives. */
  #epoch = 0
  #ready: Batch[] = []
  #failure: unknown
  #broker: Broker | undefined
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

  async bounds(): Promise<{ readonly start: KafkaOffset; readonly end: KafkaOffset }> {
    const { cluster, callTimeoutMs } = this.#options
    const { topic } = this.partition
    const name = topicPartitionName(this.partition)
    const ask = (timestamp: number) =>
      bounded(`bounds of ${name}`, callTimeoutMs, partitionOffsets(cluster, [topic], timestamp))
    const [starts, ends] = await Promise.all([ask(offsetOf.start), ask(offsetOf.end)])
    const start = starts.get(name)
    const end = ends.get(name)
    if (start === undefined || end === undefined) {
      throw kafkaError(`bounds of ${name}`, { type: 'UNKNOWN_TOPIC_OR_PARTITION' })
    }
    return { start, end }
  }

  seek(offset: KafkaOffset): void {
    this.#epoch += 1
    this.#position = offset
    this.#ready = []
    this.#failure = undefined
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
    const batch = this.#ready.shift()
    if (batch === undefined && this.#failure !== undefined) throw this.#failure
    this.#wakePump()
    return batch
  }

  note(next: KafkaOffset): void {
    if (!this.lost.aborted) this.#options.note(next)
  }

  /** Fetches until the partition is lost. Resolves always; faults come out of `next`. */
  async pump(): Promise<void> {
    const pauses = backoff(50, 2_000)
    let failures = 0
    while (!this.lost.aborted) {
      if (!this.#wanted()) {
        const { promise, resolve } = Promise.withResolvers<void>()
        this.#wakePump = resolve
        await promise
        continue
      }
      const epoch = this.#epoch
      try {
        await this.#fetch(this.#position!)
        if (failures >= quietFailures) this.#options.log.info(this.partition, 'reading again')
        failures = 0
        pauses.reset()
      } catch (error) {
        failures += 1
        await this.#recover(error, epoch)
        if (failures === quietFailures) {
          const fields = { ...this.partition, error: describe(error) }
          this.#options.log.warn(fields, 'nothing can be read; trying again')
        }
        if (this.#wanted()) await systemClock.sleep(pauses.nextMs(), this.lost)
      }
    }
    this.#dropBroker()
  }

  /** Ahead of the worker by less than a commit's records, and never by more than one fetch. */
  #wanted(): boolean {
    if (this.#position === undefined || this.#failure !== undefined) return false
    const ahead = this.#ready[0]?.records.length ?? 0
    return this.#ready.length <= 1 && ahead < this.#options.recordsMax
  }

  async #fetch(from: KafkaOffset): Promise<void> {
    const epoch = this.#epoch
    const fetchedAtMs = systemClock.wallMs()
    const fetched = await this.#ask(from)
    if (epoch !== this.#epoch || !fetched) return
    const { recordsMax } = this.#options
    const batches = batchesOf(fetched, { from, recordsMax, fetchedAtMs })
    if (batches.length === 0) return
    this.#position = batches.at(-1)!.next
    this.#append(batches)
    this.#wakeReader()
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

  async #ask(from: KafkaOffset): Promise<FetchedPartition | undefined> {
    const { fetchWaitMs, fetchBytesMax } = this.#options
    const { topic, partition } = this.partition
    const broker = await this.#leader()
    const request = { partition, fetchOffset: String(from), maxBytes: fetchBytesMax }
    const { responses } = await broker.fetch({
      isolationLevel: isolation.readCommitted,
      maxWaitTime: fetchWaitMs,
      minBytes: 1,
      maxBytes: fetchBytesMax,
      topics: [{ topic, partitions: [request] }],
    })
    return responses[0]?.partitions[0]
  }

  async #leader(): Promise<Broker> {
    if (this.#broker) return this.#broker
    const { cluster, log } = this.#options
    const { topic, partition } = this.partition
    await cluster.addMultipleTargetTopics([topic])
    const known = cluster.findTopicPartitionMetadata(topic)
    const nodeId = known.find(({ partitionId }) => partitionId === partition)?.leader
    const broker = nodeId === undefined ? undefined : await dedicatedBroker(cluster, nodeId, log)
    if (!broker) throw kafkaError('reading', { type: 'LEADER_NOT_AVAILABLE' })
    this.#broker = broker
    return broker
  }

  async #recover(error: unknown, epoch: number): Promise<void> {
    const kind = error instanceof MillraceError ? 'away' : faultKind(error)
    if (kind === 'out-of-range') {
      const outside = await this.#outOfRange(error)
      if (epoch === this.#epoch) this.#fail(outside)
      return
    }
    if (kind === 'refused' || kind === 'bug') {
      if (epoch === this.#epoch) this.#fail(kafkaError('reading', error))
      return
    }
    this.#options.log.debug({ ...this.partition, error: describe(error) }, 'a fetch failed')
    this.#dropBroker()
    await this.#refreshMetadata()
  }

  /** That it fails too is no news: the next fetch will say so. */
  async #refreshMetadata(): Promise<void> {
    try {
      await this.#options.cluster.refreshMetadata()
    } catch (error) {
      this.#options.log.debug({ error: describe(error) }, 'metadata could not be refreshed')
    }
  }

  #fail(error: unknown): void {
    this.#failure = error
    this.#wakeReader()
  }

  async #outOfRange(cause: unknown): Promise<MillraceError> {
    const name = topicPartitionName(this.partition)
    const at = this.#position
    const bounds = await this.bounds().catch(() => undefined)
    const holds = bounds ? `; it holds ${bounds.start} to ${bounds.end}` : ''
    return new MillraceError('out-of-range', `${name} does not hold offset ${at}${holds}`, {
      cause,
      hint: 'What stood there is gone, or never was in this log: the view must be rebuilt.',
    })
  }

  #dropBroker(): void {
    this.#broker?.disconnect().catch(() => undefined)
    this.#broker = undefined
  }
}
