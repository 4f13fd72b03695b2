import { identityOf, type LogRecord } from '../change.ts'
import type { PartitionReader } from '../consume/change-source.ts'
import { IdentityWindow } from '../consume/identity-window.ts'
import { hashOf, mayBeGone } from '../consume/record-identity.ts'
import { recordsBelow } from '../consume/records-below.ts'
import type { Decoder } from '../decode/decoder.ts'
import { MillraceError } from '../errors.ts'
import type { KafkaOffset } from '../position.ts'
import type { Checkpoint } from '../store/state.ts'

export type ResumeParts = {
  readonly reader: PartitionReader
  readonly decoder: Decoder
  readonly identitiesMax: number
  /** Throws when compaction may have taken changes between the checkpoint and `next`. */
  readonly refuseOvertaken: (at: Checkpoint, next: KafkaOffset) => void
}

/**
 * Reads from the window's beginning to the checkpoint without applying: that remembers the
 * identities which may come again, and proves that this is the log that the checkpoint speaks of.
 * Rejects with `log-start-passed`, `another-log`, `compaction-overtaken` or `window-full` where the
 * log can't be continued from.
 */
export async function resume(parts: ResumeParts, at: Checkpoint): Promise<IdentityWindow> {
  const start = await logStart(parts, at)
  const { reader, decoder, identitiesMax } = parts
  const identities = new IdentityWindow(identitiesMax)
  let last: LogRecord | undefined
  const from = highest(start, lowest(at.windowFrom, at.last?.offset ?? at.next))
  for await (const { records } of recordsBelow(reader, from, at.next)) {
    for (const record of records) {
      if (record.offset === at.last?.offset) last = record
      if (record.offset < at.windowFrom) continue
      const identity = await identityIn(record, decoder)
      if (identity !== undefined) identities.admit(identity, record.offset)
    }
  }
  if (!reader.lost.aborted) refuseAnotherLog(at, start, last)
  return identities
}

/**
 * Proves after a failed fetch that the log is still the one that was read: it may have been cut and
 * have grown again meanwhile. Reads the last record that was applied, and no more.
 */
export async function prove(parts: ResumeParts, at: Checkpoint): Promise<void> {
  const start = await logStart(parts, at)
  if (!at.last || at.last.offset < start) return
  let last: LogRecord | undefined
  for await (const { records } of recordsBelow(parts.reader, at.last.offset, at.next)) {
    last ??= records.find(({ offset }) => offset === at.last!.offset)
    if (last) break
  }
  if (!parts.reader.lost.aborted) refuseAnotherLog(at, start, last)
}

/** Where the log begins. Throws when it does not hold what follows the checkpoint. */
async function logStart(
  { reader, refuseOvertaken }: ResumeParts,
  at: Checkpoint,
): Promise<KafkaOffset> {
  const { start, end } = await reader.bounds()
  const first = lowest(at.windowFrom, at.next)
  if (start > first) {
    throw new MillraceError(
      'log-start-passed',
      `the log begins at ${start}, the checkpoint at ${at.next} needs it from ${first}`,
      { hint: 'Keep the topic for longer than workers may be down (retention.ms).' },
    )
  }
  if (end < at.next) {
    throw new MillraceError(
      'another-log',
      `the log ends at ${end}, before the checkpoint ${at.next}`,
      { hint: 'The topic was made anew, or the broker has lost its end.' },
    )
  }
  if (end > at.next) refuseOvertaken(at, end)
  return start
}

/**
 * A record below the checkpoint that can't be decoded now was passed without being applied. Come
 * again, it would not be applied either. What passes by itself, as a registry that is behind, tells
 * nothing of that.
 */
async function identityIn(record: LogRecord, decoder: Decoder): Promise<string | undefined> {
  try {
    const answer = decoder.decode(record)
    const decoded = answer instanceof Promise ? await answer : answer
    if (decoded.kind !== 'change' || decoded.change.kind === 'read') return undefined
    return identityOf(decoded.change)
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error
    if (error.retriable && !error.waitsForPeople) throw error
    return undefined
  }
}

/** A record that retention or compaction may have taken proves nothing by its absence. */
function refuseAnotherLog(
  { last: known }: Checkpoint,
  start: KafkaOffset,
  found: LogRecord | undefined,
): void {
  if (!known || known.offset < start || (!found && mayBeGone(known.hash))) return
  if (found && hashOf(found, mayBeGone(known.hash)).hash === known.hash) return
  throw new MillraceError(
    'another-log',
    found
      ? `another record stands at offset ${known.offset} than the one that was applied`
      : `the record applied last, at offset ${known.offset}, is not in the log`,
    { hint: 'The topic was made anew, or the broker has lost its end.' },
  )
}

function lowest(a: KafkaOffset, b: KafkaOffset): KafkaOffset {
  return a < b ? a : b
}

function highest(a: KafkaOffset, b: KafkaOffset): KafkaOffset {
  return a > b ? a : b
}
