/**
 * What Millrace asks of a store of one view: three small contracts, for who writes, who reads and
 * who coordinates. A store knows a view by its layout alone.
 *
 * Words used here:
 *   generation  one complete building of a view, known by a random id; each write names it
 *   checkpoint  per generation and topic partition: the next offset to apply, and what proves that
 *               a log is the one that it speaks of
 *   barrier     an LSN with the end offsets below which everything committed before it stands
 *   watermark   the LSN up to which every committed change is in the view
 *
 * A method rejects with a MillraceError, retriable when the store is away, full or read-only. A
 * write whose reply was lost may have been applied: the next one answers `conflict`, and the
 * checkpoint that it found decides.
 */
import type { Entry, Mutation } from '../mutation.ts'
import type { KafkaOffset, Lsn, TopicPartition } from '../position.ts'

declare const brand: unique symbol

/** Random text, new for every generation and for every turn to dropping. */
export type GenerationId = string & { readonly [brand]: 'GenerationId' }

/** `(W, L, E)` of one partition each: nothing below `from` can come again at or above `end`. */
export type Barrier = {
  /** Everything committed to the source before this LSN stands below `ends`. */
  readonly lsn: Lsn
  /** End offsets before the marker was written, by `topicPartitionName`. */
  readonly from: ReadonlyMap<string, KafkaOffset>
  /** End offsets after the source connector had passed the marker. */
  readonly ends: ReadonlyMap<string, KafkaOffset>
  /** When `from` was read, wall clock, milliseconds. */
  readonly takenAtMs: number
}

/** Why a view must be built anew. The first reason stays. */
export type Mark = { readonly code: string; readonly reason: string; readonly atMs: number }

/** `building` until every partition is poured, then `serving`; `dropping` while keys are removed. */
export type Phase = 'building' | 'serving' | 'dropping'

export type Generation = {
  readonly id: GenerationId
  readonly number: number
  readonly phase: Phase
  /** Partition counts by topic, as they were when the generation was opened. */
  readonly topics: Readonly<Record<string, number>>
  /** Never falls within a generation. */
  readonly watermark: Lsn | undefined
  /** The newest barrier published. */
  readonly barrier: Barrier | undefined
  readonly mark: Mark | undefined
}

export type Checkpoint = {
  /** `pouring` while a partition's sums go in, call by call; deltas apply when `live`. */
  readonly phase: 'pouring' | 'live'
  /** Calls of the pour that were applied. */
  readonly poured: number
  /** The next offset to apply. */
  readonly next: KafkaOffset
  /** The last record below `next`, if there ever was one: which log this is. */
  readonly last: { readonly offset: KafkaOffset; readonly hash: string } | undefined
  /** Where the window of remembered identities begins. */
  readonly windowFrom: KafkaOffset
  /** When the log stood at `windowFrom`, wall clock, milliseconds. */
  readonly windowAtMs: number
  /** When `next` was the log's end, else the log time of the last record applied, milliseconds. */
  readonly atMs: number
  /** Registry id of the schema of the topic's keys, once a key was seen. */
  readonly keySchema: number | undefined
}

/** A record that could not be decoded, with all that a later try needs. */
export type ParkedRecord = {
  readonly partition: TopicPartition
  readonly offset: KafkaOffset
  readonly timestampMs: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  /** Whether the row's earlier state was in the view already (`live`) or not (`pour`). */
  readonly phase: 'pour' | 'live'
  readonly reason: string
}

export type Commit = {
  readonly generation: GenerationId
  readonly partition: TopicPartition
  /** The offset at which the batch was fetched: must equal the checkpoint's `next`. */
  readonly from: KafkaOffset
  /** The checkpoint to stand at afterwards; its phase is `live`. */
  readonly to: Checkpoint
  /** At most one for an entry. */
  readonly mutations: readonly Mutation[]
  readonly parked: readonly ParkedRecord[]
  /** Offsets of this partition's parked records that are settled. */
  readonly unparked: readonly KafkaOffset[]
  /** Marks the generation in the same step. */
  readonly mark: Mark | undefined
  /** The same, if the step leaves a counter that it touched below zero and nothing is parked. */
  readonly markBelowZero: Mark
}

export type Pour = {
  readonly generation: GenerationId
  readonly partition: TopicPartition
  /** Must equal the calls applied so far; 0 needs that there is no checkpoint. */
  readonly poured: number
  /** The checkpoint to stand at afterwards: `live` with the last call. */
  readonly to: Checkpoint
  readonly mutations: readonly Mutation[]
  readonly parked: readonly ParkedRecord[]
}

export type CommitResult =
  | {
      readonly kind: 'applied'
      /** Counters of touched entries that stand below zero now. */
      readonly belowZero: readonly { readonly entry: string; readonly count: string }[]
      /** Parked records of the whole view after this step. */
      readonly parked: number
    }
  /** Nothing was changed. `found` is undefined when this generation has no such checkpoint. */
  | { readonly kind: 'conflict'; readonly found: Checkpoint | undefined }

/** What stops a partition, for `/ready` and for people. */
export type Problem = {
  readonly code: string
  readonly message: string
  readonly hint: string | undefined
  readonly sinceMs: number
}

/** Used by the worker that owns a partition, and by nobody else. */
export type ViewWriter = {
  /** Undefined when there is no generation: never a reason to begin at offset 0. */
  generation(): Promise<Generation | undefined>
  /** By `topicPartitionName`; empty when the generation is another one. */
  checkpoints(generation: GenerationId): Promise<ReadonlyMap<string, Checkpoint>>
  /** Applies everything and moves the checkpoint in one atomic step, or changes nothing. */
  commit(commit: Commit): Promise<CommitResult>
  /** As `commit`, for the sums of a bootstrap: at most `entriesPerPourMax` mutations a call. */
  pour(pour: Pour): Promise<CommitResult>
  /** Keeps the first mark. False when the generation is another one. */
  mark(generation: GenerationId, mark: Mark): Promise<boolean>
  /** What stops a partition now; undefined clears it. */
  report(partition: TopicPartition, problem: Problem | undefined): Promise<void>
}

/** One answer of a read: state, watermark and entries as they stood in one moment. */
export type ReadResult =
  | { readonly kind: 'unavailable'; readonly phase: Phase | 'absent' }
  | {
      readonly kind: 'serving'
      readonly watermark: Lsn
      /** In the order asked; null where there is nothing, or where the owning row is absent. */
      readonly entries: readonly (Entry | null)[]
    }

export type StoreStatus = {
  readonly generation: Generation | undefined
  readonly parked: number
  /** By `topicPartitionName`. */
  readonly problems: ReadonlyMap<string, Problem>
}

/** An entry as it lies in the store; `fields` is null when its owning row is absent. */
export type StoredEntry = Omit<Entry, 'fields'> & { readonly fields: Entry['fields'] | null }

export type ViewReader = {
  /** One atomic step, whatever the number of keys (at most 1,000). */
  read(keys: readonly string[]): Promise<ReadResult>
  status(): Promise<StoreStatus>
  /** Every entry that lies in the store, in pages, each entry at least once. */
  scan(): AsyncIterable<readonly StoredEntry[]>
  /** Parked records, by topic, partition and offset. */
  parked(): AsyncIterable<ParkedRecord>
}

/** Used by the holder of the lease. Right even when two believe that they hold it. */
export type ViewCoordination = {
  /** Takes or renews the lease for `ttlMs`. False while another holds it. */
  lease(holder: string, ttlMs: number): Promise<boolean>
  /** Opens generation 1 when there is no state at all; undefined when there was one. */
  open(topics: Readonly<Record<string, number>>): Promise<Generation | undefined>
  /** Makes a barrier known to the workers, unless a newer one is. */
  publish(generation: GenerationId, barrier: Barrier): Promise<void>
  /**
   * Moves the watermark to the barrier's LSN if every partition is live and has passed its end,
   * compared in the same step; the first time, that turns the generation to serving. True if so.
   */
  advance(generation: GenerationId, barrier: Barrier): Promise<boolean>
  /**
   * Turns the state to dropping under a new id, removes every key of the view, parked records,
   * checkpoints and problems, and the state last. Yields the keys removed so far.
   *
   * Drops only what the caller saw, compared in the first step: the generation `seen`, which may be
   * a dropping one that somebody else has left, or the keys of a view without a state when `seen`
   * is undefined. Where anything else stands by now it changes nothing and yields nothing.
   */
  drop(seen: GenerationId | undefined): AsyncIterable<number>
}

/** One store of one view. `close` ends its connections. */
export type ViewStore = {
  /** `redis`, `postgres`, `memory`. */
  readonly name: string
  readonly writer: ViewWriter
  readonly reader: ViewReader
  readonly coordination: ViewCoordination
  close(): Promise<void>
}
