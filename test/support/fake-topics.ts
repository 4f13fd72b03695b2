import type { Decoded, LogRecord } from '../../src/change.ts'
import type { Batch, ChangeLog, PartitionReader } from '../../src/consume/change-source.ts'
import type { Clock } from '../../src/clock.ts'
import { MillraceError } from '../../src/errors.ts'
import { advance, topicPartitionName, type KafkaOffset } from '../../src/position.ts'
import { at, recordOf } from './library.ts'

type Partition = { start: KafkaOffset; end: KafkaOffset; records: LogRecord[] }

/** Topics in memory, read at whatever offset, with the faults that a test names. */
export class FakeTopics implements ChangeLog {
  readonly #partitions = new Map<string, Partition>()
  readonly #clock: Clock
  #wake = Promise.withResolvers<void>()
  /** What the next call of `next` of any reader rejects with, once it has waited. */
  failure: MillraceError | undefined
  /** What every call of `next` rejects with where there is something to read. */
  standingFailure: MillraceError | undefined
  /** What `bounds` rejects with. */
  boundsFailure: MillraceError | undefined
  /** Records of one batch. */
  recordsMax = 500
  /** How often a reader was asked for a batch. */
  asked = 0
  readonly seeks: string[] = []
  readonly noted: string[] = []
  readonly #readers: AbortSignal[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A partition that begins, and ends, at `offset`. */
  begin(name: string, offset: number): void {
    this.#partitions.set(name, { start: at(offset), end: at(offset), records: [] })
  }

  /** Writes records one after the other; answers the offset of the last one. */
  append(name: string, ...decoded: readonly (Decoded | Error | Promise<Decoded>)[]): KafkaOffset {
    for (const each of decoded) this.add(name, recordOf(this.#of(name).end, each))
    return advance(this.#of(name).end, -1n)
  }

  add(name: string, record: LogRecord): void {
    const partition = this.#of(name)
    partition.records.push(record)
    partition.end = advance(record.offset)
    this.#woken()
  }

  /** Control records, which nobody is given. */
  skip(name: string, count: number): void {
    const partition = this.#of(name)
    partition.end = advance(partition.end, BigInt(count))
    this.#woken()
  }

  /** Retention takes all below `offset`. */
  drop(name: string, offset: number): void {
    const partition = this.#of(name)
    partition.start = at(offset)
    partition.records = partition.records.filter((record) => record.offset >= partition.start)
  }

  /** Compaction takes one record. */
  take(name: string, offset: number): void {
    const partition = this.#of(name)
    partition.records = partition.records.filter((record) => record.offset !== at(offset))
  }

  end(name: string): KafkaOffset {
    return this.#of(name).end
  }

  /** Readers that nobody has ended. */
  get open(): number {
    return this.#readers.filter((lost) => !lost.aborted).length
  }

  reader(partition: PartitionReader['partition'], lost: AbortSignal): PartitionReader {
    this.#readers.push(lost)
    const name = topicPartitionName(partition)
    let position = at(0)
    return {
      partition,
      lost,
      bounds: async () => {
        if (this.boundsFailure) throw this.boundsFailure
        const { start, end } = this.#of(name)
        return { start, end }
      },
      seek: (offset) => {
        this.seeks.push(`${name} ${offset}`)
        position = offset
      },
      next: async (timeoutMs) => {
        this.asked += 1
        if (lost.aborted) return undefined
        if (position >= this.#of(name).end) await this.#arrival(timeoutMs, lost)
        const failure = this.failure
        this.failure = undefined
        if (failure) throw failure
        if (this.standingFailure && position < this.#of(name).end) throw this.standingFailure
        const batch = this.#fetch(name, position)
        if (batch) position = batch.next
        return batch
      },
      note: (next) => this.noted.push(`${name} ${next}`),
    }
  }

  async close(): Promise<void> {}

  async #arrival(timeoutMs: number, lost: AbortSignal): Promise<void> {
    const waited = new AbortController()
    const over = AbortSignal.any([lost, waited.signal])
    await Promise.race([this.#wake.promise, this.#clock.sleep(timeoutMs, over)])
    waited.abort()
  }

  #fetch(name: string, from: KafkaOffset): Batch | undefined {
    const { start, records, end } = this.#of(name)
    if (from < start) {
      throw new MillraceError('out-of-range', `${name} does not hold offset ${from}`)
    }
    if (from >= end) return undefined
    const found = records.filter(({ offset }) => offset >= from)
    const taken = found.slice(0, this.recordsMax)
    const last = taken.at(-1)
    const next = last && taken.length < found.length ? advance(last.offset) : end
    return { from, next, records: taken }
  }

  #of(name: string): Partition {
    const partition = this.#partitions.get(name)
    if (!partition) throw new Error(`no test has made ${name}`)
    return partition
  }

  #woken(): void {
    this.#wake.resolve()
    this.#wake = Promise.withResolvers()
  }
}
