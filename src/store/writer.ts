import type { KeepBound } from '../keep.ts'
import type { Mutation } from '../mutation.ts'
import type { KafkaOffset, TopicPartition } from '../position.ts'
import type { Checkpoint, Doubt, Epoch, ParkedRecord, Problem } from './state.ts'

/**
 * Used by the worker that owns a partition. A method rejects with a MillraceError, retriable when
 * the store is away, full or read-only. A write whose reply was lost may have been applied: the
 * next one answers `conflict`, and the checkpoint that it found decides.
 */
export type ViewWriter = {
  /** By `topicPartitionName`; empty when the epoch is another one. */
  checkpoints(epoch: Epoch): Promise<ReadonlyMap<string, Checkpoint>>
  /**
   * Applies everything and moves the checkpoint in one atomic step, or changes nothing. Rejects
   * with `store-type` or `store-overflow`, which name the entry, when an entry can't take it.
   */
  commit(commit: Commit): Promise<CommitResult>
  /** Raises a doubt, again if it stands already. False when the epoch is another one. */
  raise(epoch: Epoch, doubt: Doubt): Promise<boolean>
  /**
   * What stops a partition, or another part, now; undefined clears it. `place` is a
   * `topicPartitionName`, or a word for another part as `connector`.
   */
  report(place: string, problem: Problem | undefined): Promise<void>
  /**
   * Moves an entry aside that is not what the view keeps there: a key of another type, or with
   * counters that are no 64-bit integers. Answers where it lies now; undefined when the entry is
   * sound, absent, or the epoch is another one. A store with typed columns has none such. The doubt
   * is raised in the same step, where something is moved.
   */
  displace(epoch: Epoch, entry: string, doubt?: Doubt): Promise<string | undefined>
}

export type Commit = {
  readonly epoch: Epoch
  readonly partition: TopicPartition
  /** The offset at which the batch was fetched: must equal the checkpoint's `next`. */
  readonly from: KafkaOffset
  /** The checkpoint to stand at afterwards. */
  readonly to: Checkpoint
  /**
   * What belongs to entries below this bound was left out: the state's must not be lower, as that of
   * a store that was put back may be. Undefined where nothing was.
   */
  readonly leftOutBelow?: KeepBound | undefined
  /** At most one for an entry; with their cells at most `limits.mutationsMax`, or one alone. */
  readonly mutations: readonly Mutation[]
  /** Kept up to `limits.parkedMax` of a view; beyond that only their number is. */
  readonly parked: readonly ParkedRecord[]
  /** Raised in the same step. */
  readonly doubts: readonly Doubt[]
}

export type CommitResult =
  | {
      readonly kind: 'applied'
      /** Counters of touched entries, and tallies with touched items, that stand below zero now. */
      readonly belowZero: readonly { readonly entry: string; readonly count: string }[]
    }
  /** Nothing was changed. `found` is undefined when the epoch is another one. */
  | { readonly kind: 'conflict'; readonly found: Checkpoint | undefined }
