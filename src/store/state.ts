/**
 * What a store knows of a view beside its entries.
 *
 *   epoch       random text in the view's state that every write names; a new one fences all writers
 *               that know the old one
 *   checkpoint  per topic partition: the next offset to apply, and what proves that a log is the
 *               one that it speaks of
 *   barrier     an LSN with the end offsets below which everything committed before it stands
 *   watermark   the LSN up to which every committed change is in the view
 *   doubt       a reason why entries may be wrong: the view serves on, flagged, until every entry
 *               was compared with the source after it
 */
import type { KeepBound } from '../keep.ts'
import type { KafkaOffset, Lsn, TopicPartition } from '../position.ts'
import type { Snapshot, TransactionId } from '../transaction.ts'

declare const brand: unique symbol

export type Epoch = string & { readonly [brand]: 'Epoch' }

/** Offsets by `topicPartitionName`. */
export type Offsets = ReadonlyMap<string, KafkaOffset>

/**
 * `(W, L, E)`: `from` was read, then a marker transaction was committed at `lsn`, then the source
 * connector passed it, then `ends` was read. Nothing below `from` can come again at or above `ends`.
 */
export type Barrier = {
  /** Counts the barriers of a view, whatever source and log they speak of. */
  readonly number: number
  /** Everything committed to the source before this LSN stands below `ends`. */
  readonly lsn: Lsn
  /** The marker's transaction, and what it saw. */
  readonly transaction: TransactionId
  readonly snapshot: Snapshot
  /** Which history of which database this is: its system identifier and its timeline. */
  readonly history: string
  readonly from: Offsets
  readonly ends: Offsets
  /** When `from` was read, by the source's clock, milliseconds since 1970. */
  readonly takenAtMs: number
}

export type Checkpoint = {
  /** The next offset to apply. */
  readonly next: KafkaOffset
  /** The last record below `next`, if there ever was one: which log this is. */
  readonly last: { readonly offset: KafkaOffset; readonly hash: string } | undefined
  /** Where the window of remembered identities begins. */
  readonly windowFrom: KafkaOffset
  /** Registry id of the schema of the topic's keys, once a key was seen. */
  readonly keySchema: number | undefined
}

/** Why entries may be wrong, and what a look has to have seen to say that they are not any more. */
export type Doubt = {
  /** A doubt of the same name is the same doubt, raised again: `unusable-change likes`. */
  readonly name: string
  readonly code: DoubtCode
  readonly reason: string
  readonly hint: string | undefined
  /** Source tables whose contributions may be wrong; empty for all. */
  readonly tables: readonly string[]
  /** Entries that may be wrong, where it is known which; empty for all. */
  readonly keys: readonly string[]
  /** A look counts if its anchor stands at or above these offsets, */
  readonly offsets: Offsets
  /** and its anchor's barrier has at least this number. */
  readonly barrier: number
  /** What becomes of the checkpoints before that, where the log can't be continued from. */
  readonly restart: Restart | undefined
}

/** A doubt as it stands in the store. */
export type StandingDoubt = Doubt & {
  /** Random, new each time that the doubt is raised. */
  readonly id: string
  /** When it was first raised, by the store's clock, milliseconds since 1970. */
  readonly sinceMs: number
}

/**
 * `forward` moves the checkpoints of the partitions to a new barrier unless they are beyond it;
 * `anew` moves them to it wherever they are, for their log is another one. Empty means all.
 */
export type Restart = {
  readonly how: 'forward' | 'anew'
  readonly partitions: readonly string[]
}

export type DoubtCode =
  | 'table-rewritten'
  | 'publication-altered'
  | 'replica-identity-altered'
  | 'slot-altered'
  | 'connector-altered'
  | 'offsets-lost'
  | 'source-unfit'
  | 'source-was-unfit'
  | 'topic-altered'
  | 'unusable-change'
  | 'undecodable-record'
  | 'late-snapshot'
  | 'second-key-schema'
  | 'below-zero'
  | 'number-beyond-64-bits'
  | 'displaced-entry'
  | 'entries-evicted'
  | 'repeat-beyond-barrier'
  | 'log-start-passed'
  | 'another-log'
  | 'compaction-overtaken'
  | 'window-full'
  | 'checkpoint-missing'
  | 'partitions-changed'
  | 'source-replaced'

/** A declaration that workers fold, as data. */
export type KeptDeclaration = {
  /** Hash of the declaration. */
  readonly id: string
  /** JSON. */
  readonly declaration: string
  /** True once every entry holds what it declares. Before that readers of it get 503. */
  readonly complete: boolean
}

export type ViewState = {
  readonly epoch: Epoch
  /**
   * Random, and the same in every epoch: tells the view from those of its name in other stores.
   * Undefined where an earlier release has begun it, until a worker coordinates it.
   */
  readonly instance: string | undefined
  /** In the order in which they were applied: the newest one stands last. */
  readonly declarations: readonly KeptDeclaration[]
  /** Partition counts by topic. */
  readonly topics: Readonly<Record<string, number>>
  readonly watermark: Lsn | undefined
  /** The newest one. */
  readonly barrier: Barrier | undefined
  /** What the set-up looked like when it was last compared: JSON, written by `observe`. */
  readonly fingerprint: string | undefined
  readonly doubts: readonly StandingDoubt[]
  /** Entries whose time is below this bound are let go. It only rises. Undefined where all are kept. */
  readonly keepFrom: KeepBound | undefined
  /** How far the comparison with the source is: JSON, written by `progress`. */
  readonly pass: string | undefined
}

/** A record that could not be decoded, kept for people to see. It is never applied. */
export type ParkedRecord = {
  readonly partition: TopicPartition
  readonly offset: KafkaOffset
  /** The log's time of the record, milliseconds since 1970. */
  readonly timestampMs: number
  readonly parkedAtMs: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly reason: string
}

/** What stops a partition or another part, for people. */
export type Problem = {
  readonly code: string
  readonly message: string
  readonly hint: string | undefined
  readonly sinceMs: number
}
