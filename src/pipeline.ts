/**
 * The sentence that the whole system serves: take a batch of one topic partition, decode it to
 * changes, fold the changes to mutations, commit the mutations together with the new position.
 * Nothing else may write to a view that is poured.
 */
import { identityOf, type Change, type Decoded, type LogRecord } from './change.ts'
import type { Clock } from './clock.ts'
import type { Batch, PartitionReader } from './consume/change-source.ts'
import type { IdentityWindow } from './consume/identity-window.ts'
import { hashOf } from './consume/record-identity.ts'
import type { Decoder } from './decode/decoder.ts'
import { MillraceError, RebuildNeeded, unreachable } from './errors.ts'
import { consolidator } from './view/consolidate.ts'
import { fold } from './view/fold.ts'
import type { View } from './view/view.ts'
import type { Log } from './log.ts'
import type { KafkaOffset } from './position.ts'
import type {
  Checkpoint,
  Commit,
  Generation,
  Mark,
  ParkedRecord,
  ViewWriter,
} from './store/store.ts'

/** What the tail of one partition works with. */
export type Tail = {
  readonly view: View
  readonly reader: PartitionReader
  readonly decoder: Decoder
  readonly writer: ViewWriter
  readonly generation: Generation
  readonly clock: Clock
  readonly log: Log
  /** Identities from the window's beginning to the checkpoint, filled by `resume`. */
  readonly identities: IdentityWindow
  /** This partition's parked records, whose row a later put settles. */
  readonly parked: ParkedOffsets
  readonly parkedMax: number
  /** Where the window may begin for a partition that stands at `next`. */
  windowAt(next: KafkaOffset): { from: KafkaOffset; atMs: number } | undefined
  /** True while the generation is the one that the store has. */
  current(): boolean
  /** Called when a commit was applied: whatever stopped the partition before is over. */
  moved(): Promise<void>
  /** The checkpoint of an idle partition is renewed this often, to stay within the lag. */
  readonly idleCommitMs: number
  /** `min.compaction.lag.ms` of the topic. */
  readonly lagMs: number
}

/** Offsets of parked records by the hexadecimal bytes of their key. */
export type ParkedOffsets = Map<string, KafkaOffset[]>

/** How soon an idle partition sees that its generation is gone. */
const lookAgainMs = 500

/**
 * Applies batches until the partition is lost, the generation is another one, or the store
 * answers `conflict`; the caller then reads the checkpoint again. Rejects where the view has to
 * stop, after everything before that record was committed.
 */
export async function tail(parts: Tail, checkpoint: Checkpoint): Promise<void> {
  const { reader, clock } = parts
  let at = checkpoint
  // The first idle turn commits at once: that ends what an earlier owner may have reported.
  let committedMs = Number.NEGATIVE_INFINITY
  reader.seek(at.next)
  while (!reader.lost.aborted && parts.current()) {
    const batch = await reader.next(Math.min(parts.idleCommitMs, lookAgainMs))
    if (batch && batch.from !== at.next) {
      reader.seek(at.next)
      continue
    }
    if (batch && batch.next > at.next) refuseTooOld(at, batch.fetchedAtMs, parts.lagMs)
    const idle = !batch || batch.next === batch.from
    if (idle && clock.monotonicMs() - committedMs < parts.idleCommitMs) continue
    const drafted = batch ? await draft(parts, at, batch) : await renewal(parts, at)
    if (!drafted) continue
    if (reader.lost.aborted || !(await apply(parts, drafted.commit))) return
    if (drafted.stop) throw drafted.stop.reason
    at = drafted.commit.to
    committedMs = clock.monotonicMs()
  }
}

/**
 * A change can be compacted away only by one that is itself older than the lag. What a checkpoint
 * older than that has not applied may have holes that nothing shows.
 */
export function refuseTooOld(at: Checkpoint, nowMs: number, lagMs: number): void {
  if (nowMs - at.atMs <= lagMs) return
  throw new RebuildNeeded(
    'too-old',
    `the checkpoint is ${Math.round((nowMs - at.atMs) / 1000)} s behind and the log keeps every ` +
      `change for ${Math.round(lagMs / 1000)} s only: compaction may have taken changes`,
  )
}

type Draft = {
  readonly commit: Commit
  /** Why the record at `commit.to.next` can't be passed. */
  readonly stop: { readonly reason: unknown } | undefined
}

async function apply(parts: Tail, commit: Commit): Promise<boolean> {
  const result = await parts.writer.commit(commit)
  if (result.kind === 'conflict') {
    parts.log.warn({ from: commit.from, found: result.found?.next }, 'conflict: going back')
    return false
  }
  for (const [key, offsets] of parts.parked) {
    const left = offsets.filter((offset) => !commit.unparked.includes(offset))
    if (left.length === 0) parts.parked.delete(key)
    else parts.parked.set(key, left)
  }
  for (const record of commit.parked) {
    park(parts.parked, record)
    parts.log.error({ offset: record.offset, reason: record.reason }, 'record parked')
  }
  await parts.moved()
  parts.identities.moveTo(commit.to.windowFrom)
  parts.reader.note(commit.to.next)
  if (commit.mark) parts.log.error(commit.mark, 'view marked for rebuild')
  const below = result.belowZero[0]
  if (below && result.parked === 0) {
    parts.log.error({ ...commit.markBelowZero, ...below }, 'view marked for rebuild')
  }
  return true
}

/** Decodes and folds a batch; stops before the first record that can't be passed. */
async function draft(parts: Tail, at: Checkpoint, batch: Batch): Promise<Draft> {
  const work = new BatchWork(parts, at)
  let next = batch.next
  let stop: Draft['stop']
  for (const record of batch.records) {
    try {
      const decoded = parts.decoder.decode(record)
      work.take(record, decoded instanceof Promise ? await decoded : decoded)
    } catch (reason) {
      // With nothing before it there is nothing to commit.
      if (record.offset === batch.from) throw reason
      next = record.offset
      stop = { reason }
      break
    }
  }
  const atEnd = !stop && batch.next >= batch.end
  return { commit: work.commit(next, atEnd ? batch.fetchedAtMs : undefined), stop }
}

/** A commit of nothing that says: at this time the partition still stood at the log's end. */
async function renewal(parts: Tail, at: Checkpoint): Promise<Draft | undefined> {
  const askedAtMs = parts.clock.wallMs()
  const { end } = await parts.reader.bounds()
  if (end > at.next) return undefined
  return { commit: new BatchWork(parts, at).commit(at.next, askedAtMs), stop: undefined }
}

/** One batch on its way from records to a commit. */
class BatchWork {
  readonly #parts: Tail
  readonly #at: Checkpoint
  readonly #consolidation = consolidator()
  readonly #parked: ParkedRecord[] = []
  readonly #unparked: KafkaOffset[] = []
  #mark: Mark | undefined
  #last: { record: LogRecord; emptied: boolean } | undefined
  #keySchema: number | undefined

  constructor(parts: Tail, at: Checkpoint) {
    this.#parts = parts
    this.#at = at
    this.#keySchema = at.keySchema
  }

  take(record: LogRecord, decoded: Decoded): void {
    switch (decoded.kind) {
      case 'change':
        this.#keySchema = sameKeySchema(this.#parts, this.#keySchema, record)
        this.#change(record, decoded.change)
        break
      case 'tombstone':
        break
      case 'undecodable':
        this.#park(record, decoded.reason)
        break
      case 'unusable':
        this.#markFor('unusable-change', `offset ${record.offset}: ${decoded.reason}`)
        break
      default:
        unreachable(decoded)
    }
    const emptied =
      decoded.kind === 'tombstone' ||
      (decoded.kind === 'change' && decoded.change.kind === 'delete')
    this.#last = { record, emptied }
  }

  commit(next: KafkaOffset, atEndMs: number | undefined): Commit {
    const { generation, reader } = this.#parts
    const window = this.#parts.windowAt(next)
    // Where nothing was written the window stays, but it is known to be whole until later.
    const newer = window && window.atMs > this.#at.windowAtMs
    const moved = newer && window.from >= this.#at.windowFrom ? window : undefined
    const to: Checkpoint = {
      phase: 'live',
      poured: this.#at.poured,
      next,
      last: this.#last ? hashOf(this.#last.record, this.#last.emptied) : this.#at.last,
      windowFrom: moved?.from ?? this.#at.windowFrom,
      windowAtMs: moved?.atMs ?? this.#at.windowAtMs,
      atMs: atEndMs ?? this.#last?.record.timestampMs ?? this.#at.atMs,
      keySchema: this.#keySchema,
    }
    return {
      generation: generation.id,
      partition: reader.partition,
      from: this.#at.next,
      to,
      mutations: this.#consolidation.take(),
      parked: this.#parked,
      unparked: this.#unparked,
      mark: this.#mark,
      markBelowZero: {
        code: 'below-zero',
        reason: 'a counter is below zero, which no rows can explain',
        atMs: this.#parts.clock.wallMs(),
      },
    }
  }

  #change(record: LogRecord, change: Change): void {
    const identity = identityOf(change)
    if (identity !== undefined && !this.#parts.identities.admit(identity, record.offset)) return
    const folded = fold(this.#parts.view, change)
    if (folded.kind === 'unusable') {
      this.#markFor('unusable-change', `offset ${record.offset}: ${folded.reason}`)
      return
    }
    const late = change.kind === 'read'
    if (late) {
      this.#markFor('late-snapshot', 'the source was read anew after this view was built from it')
    }
    for (const contribution of folded.contributions) {
      // What a row of a late snapshot counted before can't be known: only its fields are put.
      this.#consolidation.add([late ? { ...contribution, add: {} } : contribution])
      if (contribution.put !== undefined) this.#settle(record)
    }
  }

  /** A put of the same row makes whatever was parked of it irrelevant. */
  #settle({ key }: LogRecord): void {
    const offsets = key && this.#parts.parked.get(Buffer.from(key).toString('hex'))
    if (offsets) this.#unparked.push(...offsets.filter((it) => !this.#unparked.includes(it)))
  }

  #park({ offset, timestampMs, key, value }: LogRecord, reason: string): void {
    const { partition } = this.#parts.reader
    const held = [...this.#parts.parked.values()].flat().length + this.#parked.length
    if (held >= this.#parts.parkedMax) {
      throw new MillraceError(
        'parked-full',
        `${partition.topic}/${partition.partition} stops at offset ${offset}: ${held} records are ` +
          `parked already, and this one can't be decoded either: ${reason}`,
        { hint: 'See them with npm run parked; something writes records that are not Debezium’s.' },
      )
    }
    this.#parked.push({ partition, offset, timestampMs, key, value, phase: 'live', reason })
  }

  #markFor(code: string, reason: string): void {
    this.#mark ??= { code, reason, atMs: this.#parts.clock.wallMs() }
  }
}

export function park(parked: ParkedOffsets, { key, offset }: ParkedRecord): void {
  const name = key ? Buffer.from(key).toString('hex') : `offset ${offset}`
  parked.set(name, [...(parked.get(name) ?? []), offset])
}

/** A second schema of a topic's keys means that one row may stand in two partitions. */
export function sameKeySchema(
  { decoder, reader }: Pick<Tail, 'decoder' | 'reader'>,
  known: number | undefined,
  record: LogRecord,
): number | undefined {
  const found = decoder.keySchemaId(record)
  if (found === undefined || known === undefined || found === known) return known ?? found
  throw new MillraceError(
    'second-key-schema',
    `topic ${reader.partition.topic} holds keys of two schemas (ids ${known} and ${found}), so a ` +
      'row may stand in two partitions and the order of its changes is lost',
    { hint: 'Make the topics anew by a new snapshot of the source, then npm run rebuild.' },
  )
}
