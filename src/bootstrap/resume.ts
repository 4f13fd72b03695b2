import type { LogRecord } from '../change.ts'
import type { Clock } from '../clock.ts'
import type { PartitionReader } from '../consume/change-source.ts'
import { IdentityWindow } from '../consume/identity-window.ts'
import { hashOf, mayBeGone } from '../consume/record-identity.ts'
import { recordsBelow } from '../consume/records-below.ts'
import { identityOf } from '../change.ts'
import type { Decoder } from '../decode/decoder.ts'
import { MillraceError, RebuildNeeded } from '../errors.ts'
import { refuseTooOld } from '../pipeline.ts'
import type { KafkaOffset } from '../position.ts'
import type { Checkpoint } from '../store/store.ts'

export type ResumeParts = {
  readonly reader: PartitionReader
  readonly decoder: Decoder
  readonly clock: Clock
  /** `min.compaction.lag.ms` of the topic. */
  readonly lagMs: number
  readonly identitiesMax: number
}

/**
 * Reads from the window's beginning to the checkpoint without applying: that remembers the
 * identities which may come again, and proves that this is the log that the checkpoint speaks of.
 * Rejects with RebuildNeeded where it is not, or where the log has lost what lies between.
 */
export async function resume(parts: ResumeParts, at: Checkpoint): Promise<IdentityWindow> {
  const { reader, clock, lagMs } = parts
  const nowMs = clock.wallMs()
  const { start, end } = await reader.bounds()
  const first = lower(at.windowFrom, at.last?.offset ?? at.next)
  if (start > first) {
    throw new RebuildNeeded(
      'log-start-passed',
      `the log begins at ${start}, the checkpoint at ${at.next} needs it from ${first}`,
    )
  }
  if (end < at.next) {
    throw new RebuildNeeded(
      'another-log',
      `the log ends at ${end}, before the checkpoint ${at.next}`,
    )
  }
  if (end > at.next) refuseTooOld(at, nowMs, lagMs)
  if (at.windowFrom < at.next) refuseTooOld({ ...at, atMs: at.windowAtMs }, nowMs, lagMs)
  return remember(parts, at, first)
}

async function remember(
  { reader, decoder, identitiesMax }: ResumeParts,
  at: Checkpoint,
  first: KafkaOffset,
): Promise<IdentityWindow> {
  const identities = new IdentityWindow(identitiesMax)
  let last: LogRecord | undefined
  for await (const { records } of recordsBelow(reader, first, at.next)) {
    for (const record of records) {
      if (record.offset === at.last?.offset) last = record
      if (record.offset < at.windowFrom) continue
      const identity = await identityIn(record, decoder)
      if (identity !== undefined) identities.admit(identity, record.offset)
    }
  }
  if (!reader.lost.aborted) refuseAnotherLog(at, last)
  return identities
}

/**
 * A record below the checkpoint that can't be decoded now was passed without being applied: parked,
 * or replaced by a later one before the view was built. Come again, it would not be applied either.
 */
async function identityIn(record: LogRecord, decoder: Decoder): Promise<string | undefined> {
  try {
    const answer = decoder.decode(record)
    const decoded = answer instanceof Promise ? await answer : answer
    return decoded.kind === 'change' ? identityOf(decoded.change) : undefined
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error
    if (error.retriable && error.code !== 'schema-unknown') throw error
    return undefined
  }
}

function refuseAnotherLog({ last: known }: Checkpoint, found: LogRecord | undefined): void {
  if (!known || (!found && mayBeGone(known.hash))) return
  if (found && hashOf(found, mayBeGone(known.hash)).hash === known.hash) return
  throw new RebuildNeeded(
    'another-log',
    found
      ? `another record stands at offset ${known.offset} than the one that was applied`
      : `the record applied last, at offset ${known.offset}, is not in the log`,
  )
}

function lower(a: KafkaOffset, b: KafkaOffset): KafkaOffset {
  return a < b ? a : b
}
