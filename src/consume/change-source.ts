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

/** Reads any partition without being a member of anything: for markers, and for looks. */
export type ChangeLog = {
  /** The reader ends when `signal` aborts. */
  reader(partition: TopicPartition, signal: AbortSignal): PartitionReader
  close(): Promise<void>
}

/** Records of one partition in their order, without gaps but those that the log itself has. */
export type Batch = {
  /** The offset at which this was fetched: where the last batch ended, or the last seek. */
  readonly from: KafkaOffset
  /** The offset after the last record of the fetch, control records among them. */
  readonly next: KafkaOffset
  /** Committed records only. May be empty: a fetch may hold control records alone. */
  readonly records: readonly LogRecord[]
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
   * `timeoutMs` or the partition was lost. Never jumps. Rejects, and again the same until the next
   * seek, with
   * - `fetch-failed` when a fetch was refused, broken off or not answered: what follows may stand
   *   in another log, and the caller has to prove that it does not before it seeks;
   * - `out-of-range` when the log does not hold the offset any more, or not yet;
   * - what waiting does not cure: rights, an unknown compression.
   */
  next(timeoutMs: number): Promise<Batch | undefined>
  /** Tells the group how far the store is, so that lag tools see it. Never read back. */
  note(next: KafkaOffset): void
}

/** Questions about topics that barriers, the coordinator and the set-up ask. */
export type TopicAdmin = {
  /** High watermark of every partition of the topics, by `topicPartitionName`. */
  ends(topics: readonly string[]): Promise<ReadonlyMap<string, KafkaOffset>>
  /** By topic; a topic that does not exist is left out. */
  describe(topics: readonly string[]): Promise<Readonly<Record<string, TopicDescription>>>
  /** Creates those that are missing, with these settings. */
  create(topics: readonly TopicSpec[]): Promise<void>
  close(): Promise<void>
}

export type TopicDescription = {
  /** The broker's own id of the topic: another one after it was deleted and made anew. */
  readonly id: string
  readonly partitions: number
  /** `min.compaction.lag.ms`. */
  readonly compactionLagMs: number
  /** `cleanup.policy`: `delete`, `compact` or `compact,delete`. */
  readonly cleanupPolicy: string
}

export type TopicSpec = {
  readonly topic: string
  readonly partitions: number
  readonly settings: Readonly<Record<string, string>>
}
