/**
 * The sentence that the whole system serves: take a batch of one topic partition, decode it to
 * changes, fold the changes to mutations, commit the mutations together with the new position.
 */
import { draft, type BatchParts, type DecodedRecord } from './batch.ts'
import type { Clock } from './clock.ts'
import type { Batch, PartitionReader } from './consume/change-source.ts'
import type { Decoder } from './decode/decoder.ts'
import { MillraceError } from './errors.ts'
import { limits } from './store/limits.ts'
import type { Commit, CommitResult, ViewWriter } from './store/writer.ts'
import type { Checkpoint } from './store/state.ts'

export type Tail = BatchParts & {
  readonly reader: PartitionReader
  readonly decoder: Decoder
  readonly writer: ViewWriter
  readonly clock: Clock
  /** How long to wait after a commit for more to come. */
  readonly lingerMs: number
  /** True while the epoch is the one that the store has. */
  current(): boolean
  /** A schema of the topic's keys that other partitions have had, and that is not this one. */
  otherKeySchema(than: number): Promise<Checkpoint['keySchema']>
  /** Throws when compaction may have taken changes between the checkpoint and `next`. */
  readonly refuseOvertaken: (at: Checkpoint, next: Checkpoint['next']) => void
  /** True when a record that stopped the partition may be passed, for its cause is mended. */
  mayPass(error: MillraceError): boolean
  /** False when the store's checkpoint is another one: it has gone back, and nothing comes that tells. */
  standsAt(at: Checkpoint): Promise<boolean>
  /** Called when the store has refused a commit. */
  refused(commit: Commit): Promise<void>
  /** Called after each commit that was applied, and in each turn in which nothing came. */
  moved(commit: Commit | undefined, result: CommitResult | undefined): Promise<void>
}

/** How soon an idle partition sees that its epoch is gone. */
const lookAgainMs = 500

/**
 * Applies batches until the partition is lost, the epoch is another one, or the store answers
 * `conflict`; the caller then reads the checkpoint again. Rejects where the partition has to stop,
 * after everything before that record was committed, and as `PartitionReader.next` does.
 */
export async function tail(parts: Tail, checkpoint: Checkpoint): Promise<void> {
  const { reader, clock, lingerMs } = parts
  let at = checkpoint
  reader.seek(at.next)
  while (!reader.lost.aborted && parts.current()) {
    const batch = await reader.next(lookAgainMs)
    if (!batch) {
      await parts.moved(undefined, undefined)
      if (!(await parts.standsAt(at))) return
      continue
    }
    if (batch.from !== at.next) {
      reader.seek(at.next)
      continue
    }
    parts.refuseOvertaken(at, batch.next)
    const startedMs = clock.monotonicMs()
    const after = await applied(parts, at, batch)
    if (!after) return
    at = after
    // The reader makes one batch of what comes meanwhile. Where a batch is full, more waits already.
    const restMs = startedMs + lingerMs - clock.monotonicMs()
    if (restMs > 0 && batch.records.length < limits.mutationsMax) {
      await clock.sleep(restMs, reader.lost)
    }
  }
}

/** The checkpoint after the whole batch; undefined when there is no use in going on from there. */
async function applied(
  parts: Tail,
  checkpoint: Checkpoint,
  batch: Batch,
): Promise<Checkpoint | undefined> {
  const { records, next, stop } = await decoded(parts, batch)
  const begun = await withKeySchema(parts, checkpoint, records)
  if (!begun) return undefined
  let [at, done] = [begun, 0]
  while (at.next < next) {
    const input = { records: records.slice(done), next, nowMs: parts.clock.wallMs() }
    const { commit, taken } = draft(parts, at, input)
    if (parts.reader.lost.aborted) return undefined
    const result = await parts.writer.commit(commit)
    if (result.kind === 'conflict') {
      await parts.refused(commit)
      return undefined
    }
    parts.identities.moveTo(commit.to.windowFrom)
    parts.reader.note(commit.to.next)
    await parts.moved(commit, result)
    at = commit.to
    done += taken
  }
  if (stop) throw stop.reason
  return at
}

/**
 * The checkpoint with the schema that keys of its topic have had, as long as it stands before its
 * first record; undefined when there is no use in going on from there. The schema of its own first
 * key is written down before others are asked for theirs: of partitions that begin at once, one at
 * least hears of the other.
 */
async function withKeySchema(
  parts: Tail,
  at: Checkpoint,
  records: readonly DecodedRecord[],
): Promise<Checkpoint | undefined> {
  if (at.keySchema !== undefined && at.last !== undefined) return at
  const first = records.find(
    (each) => each.decoded.kind === 'change' && each.keySchema !== undefined,
  )
  const own = at.keySchema ?? first?.keySchema
  if (own === undefined) return at
  if (at.keySchema === undefined) {
    const { epoch, partition } = parts
    const to = { ...at, keySchema: own }
    const step = { epoch, partition, from: at.next, to, mutations: [], parked: [], doubts: [] }
    if ((await parts.writer.commit(step)).kind === 'conflict') return undefined
  }
  return { ...at, keySchema: (await parts.otherKeySchema(own)) ?? own }
}

/** Decodes up to the first record that can't be passed, and says why it can't. */
async function decoded(parts: Tail, { records, next }: Batch) {
  const read: DecodedRecord[] = []
  for (const record of records) {
    const keySchema = parts.decoder.keySchemaId(record)
    try {
      const answer = parts.decoder.decode(record)
      read.push({ record, keySchema, decoded: answer instanceof Promise ? await answer : answer })
    } catch (reason) {
      if (!(reason instanceof MillraceError && parts.mayPass(reason))) {
        return { records: read, next: record.offset, stop: { reason } }
      }
      const passed = { kind: 'unusable', reason: reason.message, transaction: undefined } as const
      read.push({ record, keySchema, decoded: passed })
    }
  }
  return { records: read, next, stop: undefined }
}
