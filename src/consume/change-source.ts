/**
 * How a worker reads one topic, as one member of the group of its store and topic. Partitions come
 * and go with the group; each is read at the worker's own pace, from where the worker says.
 *
 * `run` is called once. It calls `own` for each partition that the group gives to this member, and
 * resolves after `signal` aborted and every `own` returned. It rejects when membership is lost for
 * good; the caller makes a new source.
 */
import type { LogRecord } from '../change.ts'
import type { KafkaOffset, TopicPartition } from '../position.ts'

export type ChangeSource = {
  run(own: (reader: PartitionReader) => Promise<void>, signal: AbortSignal): Promise<void>
}

/** Records of one partition in their order, without gaps but those that the log itself has. */
export type Batch = {
  /** The offset at which this was fetched: where the last batch ended, or the last seek. */
  readonly from: KafkaOffset
  /** The offset after the last record of the fetch, control records among them. */
  readonly next: KafkaOffset
  /** Committed records only. May be empty: a fetch may hold control records alone. */
  readonly records: readonly LogRecord[]
  /** The partition's end (last stable offset, where transactions are open) when it was fetched. */
  readonly end: KafkaOffset
  /** When the broker was asked, wall clock, milliseconds. */
  readonly fetchedAtMs: number
}

export type PartitionReader = {
  readonly partition: TopicPartition
  /** Aborts when the group takes the partition away, or the source ends. */
  readonly lost: AbortSignal
  /**
   * Log start, and high watermark: the end of everything written, committed or not. Asked of the
   * broker now.
   */
  bounds(): Promise<{ readonly start: KafkaOffset; readonly end: KafkaOffset }>
  /** What was fetched before is dropped; the next batch is `from` this offset. Call it first. */
  seek(offset: KafkaOffset): void
  /**
   * The next batch, at most `recordsMax` records of it, or undefined when none came within
   * `timeoutMs` or the partition was lost. Rejects with code `out-of-range` when the log does not
   * hold the offset any more or not yet; never jumps. Rejects also with what waiting does not cure
   * (rights, an unknown compression), and again the same until the next seek; a broker that is away
   * is not a fault here, but a wait.
   */
  next(timeoutMs: number): Promise<Batch | undefined>
  /** Tells the group how far the store is, so that lag tools see it. Never read back. */
  note(next: KafkaOffset): void
}

/** Questions about topics that barriers, the coordinator and the set-up ask. */
export type TopicAdmin = {
  /** High watermark of every partition of the topics, by `topicPartitionName`. */
  ends(topics: readonly string[]): Promise<ReadonlyMap<string, KafkaOffset>>
  /** Partition count by topic; a topic that does not exist is left out. */
  partitions(topics: readonly string[]): Promise<Readonly<Record<string, number>>>
  /** What decides how long the topics keep a change, by topic. */
  settings(topics: readonly string[]): Promise<Readonly<Record<string, TopicSettings>>>
  /** Creates those that are missing, with these settings. */
  create(topics: readonly TopicSpec[]): Promise<void>
  close(): Promise<void>
}

export type TopicSettings = {
  /** `min.compaction.lag.ms`. */
  readonly compactionLagMs: number
  /** `cleanup.policy`. */
  readonly cleanupPolicy: string
}

export type TopicSpec = {
  readonly topic: string
  readonly partitions: number
  readonly settings: Readonly<Record<string, string>>
}
