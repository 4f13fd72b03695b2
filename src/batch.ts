/**
 * Decoded records of one partition become one commit. Synchronous: nothing else can happen between
 * the records of a batch.
 */
import { identityOf, type Change, type Decoded, type LogRecord } from './change.ts'
import type { IdentityWindow } from './consume/identity-window.ts'
import { hashOf } from './consume/record-identity.ts'
import { unreachable } from './errors.ts'
import { belowBound, type KeepBound } from './keep.ts'
import type { Mutation } from './mutation.ts'
import { advance, type KafkaOffset, topicPartitionName, type TopicPartition } from './position.ts'
import { limits } from './store/limits.ts'
import type { Barrier, Checkpoint, Doubt, DoubtCode, Epoch, ParkedRecord } from './store/state.ts'
import type { Commit } from './store/writer.ts'
import { sees } from './transaction.ts'
import { consolidator } from './view/consolidate.ts'
import { fold } from './view/fold.ts'
import type { View } from './view/view.ts'

export type BatchParts = {
  readonly view: View
  readonly table: string
  readonly epoch: Epoch
  readonly partition: TopicPartition
  /** Identities from the window's beginning to the checkpoint. */
  readonly identities: IdentityWindow
  /** Barriers that are known, by their numbers. */
  barriers(): readonly Barrier[]
  /** The bound of what is kept, as far as it is known: it only rises. */
  keepFrom(): KeepBound | undefined
}

/** A record, what it was decoded to, and the id of the schema of its key. */
export type DecodedRecord = {
  readonly record: LogRecord
  readonly decoded: Decoded
  readonly keySchema: number | undefined
}

export type BatchInput = {
  readonly records: readonly DecodedRecord[]
  /** The offset after the last record, and after the control records behind it. */
  readonly next: KafkaOffset
  readonly nowMs: number
}

/** The commit, and how many of the records it takes: all that fit into one step. */
export type Draft = { readonly commit: Commit; readonly taken: number }

/** Throws `window-full` when more identities would have to be remembered than fit. */
export function draft(parts: BatchParts, at: Checkpoint, input: BatchInput): Draft {
  const work = new Work(parts, at, input.nowMs)
  let taken = 0
  for (const each of input.records) {
    if (!work.take(each)) break
    taken += 1
  }
  const cut = input.records[taken]
  return { commit: work.commit(cut ? cut.record.offset : input.next), taken }
}

class Work {
  readonly #parts: BatchParts
  readonly #at: Checkpoint
  readonly #nowMs: number
  readonly #name: string
  readonly #consolidation = consolidator()
  readonly #parked: ParkedRecord[] = []
  readonly #doubts = new Map<DoubtCode, Doubt>()
  readonly #barriers: BarrierCursor
  readonly #keepFrom: KeepBound | undefined
  /** Undefined where no bound is known. */
  readonly #isBelow: ((entry: string) => boolean) | undefined
  #leavesOut = false
  #last: { readonly record: LogRecord; readonly emptied: boolean } | undefined
  #keySchema: number | undefined

  constructor(parts: BatchParts, at: Checkpoint, nowMs: number) {
    this.#parts = parts
    this.#at = at
    this.#nowMs = nowMs
    this.#name = topicPartitionName(parts.partition)
    this.#barriers = new BarrierCursor(parts.barriers(), this.#name)
    this.#keySchema = at.keySchema
    this.#keepFrom = parts.keepFrom()
    if (this.#keepFrom !== undefined) this.#isBelow = belowBound(parts.view.key, this.#keepFrom)
  }

  /** False when the record does not fit into the same commit any more. */
  take({ record, decoded, keySchema }: DecodedRecord): boolean {
    switch (decoded.kind) {
      case 'change':
        this.#noteKeySchema(record, keySchema)
        if (!this.#change(record, decoded.change)) return false
        break
      case 'tombstone':
        break
      case 'undecodable':
        this.#park(record, decoded.reason)
        break
      case 'unusable':
        this.#doubt('unusable-change', record, decoded.reason)
        break
      default:
        unreachable(decoded)
    }
    const emptied =
      decoded.kind === 'tombstone' ||
      (decoded.kind === 'change' && decoded.change.kind === 'delete')
    this.#last = { record, emptied }
    return true
  }

  commit(next: KafkaOffset): Commit {
    const { epoch, partition } = this.#parts
    const from = this.#barriers.passed(next)?.from.get(this.#name)
    const { windowFrom } = this.#at
    return {
      epoch,
      partition,
      from: this.#at.next,
      to: {
        next,
        last: this.#last ? hashOf(this.#last.record, this.#last.emptied) : this.#at.last,
        windowFrom: from !== undefined && from > windowFrom ? from : windowFrom,
        keySchema: this.#keySchema,
      },
      ...(this.#leavesOut && { leftOutBelow: this.#keepFrom }),
      mutations: this.#consolidation.take(),
      parked: this.#parked,
      doubts: [...this.#doubts.values()],
    }
  }

  #change(record: LogRecord, change: Change): boolean {
    if (change.kind === 'read') {
      // Every table was read anew, and one that is empty now tells nothing of it.
      if (!change.incremental) this.#doubt('late-snapshot', record, lateSnapshot, [])
      return true
    }
    const folded = fold(this.#parts.view, change)
    const all = folded.kind === 'contributions' ? folded.contributions : []
    const isBelow = this.#isBelow
    const contributions = isBelow ? all.filter(({ entry }) => !isBelow(entry)) : all
    if (!this.#fits(contributions)) return false
    if (!this.#parts.identities.admit(identityOf(change), record.offset)) return true
    const barrier = this.#barriers.passed(record.offset)
    if (barrier && sees(barrier.snapshot, change.transaction)) {
      this.#doubt('repeat-beyond-barrier', record, repeated)
      return true
    }
    if (folded.kind === 'unusable') this.#doubt('unusable-change', record, folded.reason)
    if (contributions.length < all.length) this.#leavesOut = true
    this.#consolidation.add(contributions)
    return true
  }

  #fits(contributions: readonly Mutation[]): boolean {
    const size = this.#consolidation.size()
    const more = contributions.reduce((sum, { cells }) => sum + 1 + (cells?.size ?? 0), 0)
    return size === 0 || size + more <= limits.mutationsMax
  }

  /** A second schema of a topic's keys means that one row may stand in two partitions. */
  #noteKeySchema(record: LogRecord, found: number | undefined): void {
    const known = this.#keySchema
    if (found === undefined || found === known) return
    this.#keySchema = found
    if (known === undefined) return
    const reason = `topic ${this.#parts.partition.topic} holds keys of two schemas (ids ${known} and ${found})`
    this.#doubt('second-key-schema', record, reason)
  }

  #park({ offset, timestampMs, key, value }: LogRecord, reason: string): void {
    const { partition } = this.#parts
    this.#parked.push({
      partition,
      offset,
      timestampMs,
      parkedAtMs: this.#nowMs,
      key,
      value,
      reason,
    })
    this.#doubt('undecodable-record', { offset }, reason)
  }

  /** The last record of a kind decides how far a look must reach. */
  #doubt(
    code: DoubtCode,
    { offset }: Pick<LogRecord, 'offset'>,
    reason: string,
    tables: readonly string[] = [this.#parts.table],
  ): void {
    this.#doubts.set(code, {
      name: `${code} ${this.#name}`,
      code,
      reason: `${this.#name} offset ${offset}: ${reason}`,
      hint: undefined,
      tables,
      keys: [],
      offsets: new Map([[this.#name, advance(offset)]]),
      barrier: 0,
      restart: undefined,
    })
  }
}

/** Finds the barriers that offsets of one partition have passed, for offsets that only rise. */
class BarrierCursor {
  readonly #barriers: readonly Barrier[]
  readonly #partition: string
  #index: number | undefined

  constructor(barriers: readonly Barrier[], partition: string) {
    this.#barriers = barriers
    this.#partition = partition
  }

  /** The newest barrier whose end is at or below `next`. */
  passed(next: KafkaOffset): Barrier | undefined {
    this.#index ??= this.#barriers.findLastIndex((barrier) => this.#isPassed(barrier, next))
    let following = this.#barriers[this.#index + 1]
    while (following && this.#isPassed(following, next)) {
      this.#index += 1
      following = this.#barriers[this.#index + 1]
    }
    return this.#barriers[this.#index]
  }

  #isPassed({ ends }: Barrier, next: KafkaOffset): boolean {
    const end = ends.get(this.#partition)
    return end !== undefined && end <= next
  }
}

const lateSnapshot =
  'the connector has read the source anew, so deletes before that may never have been captured'
const repeated = 'a change came again that a barrier has proved to be long in the log'
