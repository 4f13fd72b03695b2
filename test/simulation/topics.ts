/** The broker: topics, their partitions, and what stands in them. */
import type { Decoded, LogRecord } from '../../src/change.ts'
import { topicPartitionName, type KafkaOffset } from '../../src/position.ts'
import type { RowChange } from './database.ts'

/** What one record means; a record's bytes lead to it. */
export type Meaning =
  | {
      readonly kind: 'change'
      readonly change: RowChange
      readonly keySchema: number
      /** False when it stood somewhere before. */
      readonly first: boolean
    }
  | { readonly kind: 'other'; readonly decoded: Decoded; readonly keySchema: number | undefined }
  | { readonly kind: 'marker'; readonly text: string }

export type StoredRecord = LogRecord & { readonly at: number; readonly meaning: Meaning }

/** One life of one partition. */
export class Partition {
  readonly name: string
  records: StoredRecord[] = []
  start = 0
  end = 0
  /** Another number for each leader that has cut the log. */
  leader = 0
  /** Whoever asks for it is refused. */
  unreadable = false
  /** False once its topic was deleted. */
  current = true
  readonly #waiting = new Set<() => void>()

  constructor(name: string) {
    this.name = name
  }

  /** Calls once when the partition has grown or altered; answers what takes the call back. */
  wait(wake: () => void): () => void {
    this.#waiting.add(wake)
    return () => this.#waiting.delete(wake)
  }

  wakeAll(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const wake of waiting) wake()
  }

  /** Index of the first record at or above the offset. */
  indexOf(offset: number): number {
    let [low, high] = [0, this.records.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.records[middle]!.at < offset) low = middle + 1
      else high = middle
    }
    return low
  }
}

export type Topic = {
  readonly name: string
  /** Another one after it was deleted and made anew. */
  readonly id: string
  readonly partitions: Partition[]
  compactionLagMs: number
  cleanupPolicy: string
  /** Bumped by whoever alters what the broker says of it. */
}

const meanings = new WeakMap<Uint8Array, Meaning>()

/** What the record's value was made from. */
export function meaningOf({ value }: Pick<LogRecord, 'value'>): Meaning | undefined {
  return value ? meanings.get(value) : undefined
}

export class Broker {
  readonly topics = new Map<string, Topic>()
  #ids = 0
  readonly #nowMs: () => number

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  create(name: string, partitions: number): Topic {
    const topic: Topic = {
      name,
      id: `topic-${(this.#ids += 1)}`,
      partitions: [],
      compactionLagMs: 86_400_000,
      cleanupPolicy: 'compact',
    }
    this.topics.set(name, topic)
    this.grow(name, partitions)
    return topic
  }

  grow(name: string, partitions: number): void {
    const topic = this.topics.get(name)!
    while (topic.partitions.length < partitions) {
      const partition = topic.partitions.length
      topic.partitions.push(new Partition(topicPartitionName({ topic: name, partition })))
    }
  }

  remove(name: string): void {
    const topic = this.topics.get(name)
    this.topics.delete(name)
    for (const partition of topic?.partitions ?? []) {
      partition.current = false
      partition.wakeAll()
    }
  }

  partition(topic: string, partition: number): Partition | undefined {
    return this.topics.get(topic)?.partitions[partition]
  }

  /** Answers the offset. `gap` is the number of control records that follow. */
  append(
    partition: Partition,
    key: string | null,
    meaning: Meaning | null,
    { gap = 0, inTransaction = false } = {},
  ): number {
    const at = partition.end
    const value = meaning && Buffer.from(textOf(meaning, (this.#ids += 1)))
    if (value) meanings.set(value, meaning)
    partition.records.push({
      at,
      offset: BigInt(at) as KafkaOffset,
      timestampMs: this.#nowMs(),
      key: key === null ? null : Buffer.from(key),
      value,
      inTransaction,
      meaning: meaning ?? tombstone,
    })
    partition.end = at + 1 + gap
    partition.wakeAll()
    return at
  }

  /** Offsets that no reader is given: of a transaction that was given up, or that marks one. */
  skip(partition: Partition, count: number): void {
    partition.end += count
    partition.wakeAll()
  }

  /** Retention: what stands below is gone. */
  retain(partition: Partition, start: number): void {
    partition.start = Math.max(partition.start, Math.min(start, partition.end))
    partition.records = partition.records.filter(({ at }) => at >= partition.start)
  }

  /** An unclean leader takes over, which never had what stands at or above `end`. */
  cut(partition: Partition, end: number): void {
    partition.records = partition.records.filter(({ at }) => at < end)
    partition.end = end
    partition.start = Math.min(partition.start, end)
    partition.leader += 1
    partition.wakeAll()
  }

  /** Takes records that a newer one of the same key has replaced, none younger than the lag. */
  compact(topic: Topic): number {
    const beforeMs = this.#nowMs() - topic.compactionLagMs
    let taken = 0
    for (const partition of topic.partitions) {
      const newest = new Map<string, number>()
      for (const { key, at } of partition.records) {
        if (key) newest.set(String(key), at)
      }
      const left = partition.records.filter(({ key, at, timestampMs, value }) => {
        if (timestampMs > beforeMs || !key) return true
        return newest.get(String(key)) === at && value !== null
      })
      taken += partition.records.length - left.length
      partition.records = left
    }
    return taken
  }
}

const tombstone: Meaning = {
  kind: 'other',
  decoded: { kind: 'tombstone' },
  keySchema: 1,
}

/** Markers are found by their text; of others the bytes only have to differ. */
function textOf(meaning: Meaning, id: number): string {
  return meaning.kind === 'marker' ? `\0\0${meaning.text}` : String(id)
}
