/**
 * Keys that changes in the log give to. A lap asks for them when it has gone through source and
 * store: an entry without owning row may have been in neither when its turn came. Its rows were
 * inserted after the page that would have told of it, and what it was wrong by cancelled them out,
 * so that the store held nothing under its key while its keys were gone through.
 */
import type { PartitionReader } from '../consume/change-source.ts'
import { withLogReader } from '../consume/log-reader.ts'
import { recordsBelow } from '../consume/records-below.ts'
import { MillraceError } from '../errors.ts'
import { parseTopicPartition, type KafkaOffset } from '../position.ts'
import type { Checkpoint, Offsets } from '../store/state.ts'
import { fold } from '../view/fold.ts'
import type { LogRecord } from '../change.ts'
import type { Decoder } from '../decode/decoder.ts'
import type { Mutation } from '../mutation.ts'
import type { View } from '../view/view.ts'
import type { Range, UnseenParts } from './unseen.ts'

/** What is left to read, by partition. */
export type Unread = Map<string, Range>

export type Touched = {
  readonly keys: readonly string[]
  readonly records: number
  /** What is left after this page. */
  readonly unread: Unread
}

/** Records of one page, about. */
const recordsMax = 5_000

/** The log from `from` to the checkpoints. */
export function unreadOf(from: Offsets, checkpoints: ReadonlyMap<string, Checkpoint>): Unread {
  const unread: Unread = new Map()
  for (const [name, { next: to }] of checkpoints) {
    const begin = from.get(name)
    if (begin !== undefined && begin < to) unread.set(name, { from: begin, to })
  }
  return unread
}

/** The next page of keys. Rejects as `contributionsPage` does. */
export async function touchedPage(
  parts: UnseenParts,
  unread: Unread,
  signal: AbortSignal,
): Promise<Touched> {
  const keys = new Set<string>()
  const take = ({ entry }: Mutation) => void keys.add(entry)
  const page = await contributionsPage(parts, { unread, signal }, take)
  return { ...page, keys: [...keys] }
}

/**
 * A page of what changes in the log give. What the log does not hold any more is passed over, and so
 * is a log that is another one, and what can't be understood: all of that is in doubt by itself.
 * Rejects with `look-void` where the look was given up, and as reading and the registry do.
 */
export async function contributionsPage(
  parts: UnseenParts,
  { unread, signal }: { readonly unread: Unread; readonly signal: AbortSignal },
  take: (contribution: Mutation) => void,
): Promise<Omit<Touched, 'keys'>> {
  const left = new Map(unread)
  let records = 0
  for (const [name, range] of unread) {
    if (records >= recordsMax) break
    const partition = parseTopicPartition(name)
    const known = parts.tableOf(partition.topic)
    left.delete(name)
    if (!known) continue
    const reached = await withLogReader(parts.changeLog, { partition, signal }, async (reader) => {
      let position = await beginOf(reader, range)
      if (position === undefined) return undefined
      for await (const read of recordsBelow(reader, position, range.to)) {
        if (read.position === position && (await beginOf(reader, range)) === undefined) {
          return undefined
        }
        position = read.position
        records += read.records.length
        for (const record of read.records) {
          for (const each of await givenBy(parts.view, known.decoder, record)) take(each)
        }
        if (records >= recordsMax) break
      }
      return position
    })
    if (signal.aborted) throw new MillraceError('look-void', 'the look was given up')
    if (reached !== undefined && reached < range.to) left.set(name, { ...range, from: reached })
  }
  return { records, unread: left }
}

/** The first offset of the range that the log holds; undefined where it is another log by now. */
async function beginOf(
  reader: PartitionReader,
  { from, to }: Range,
): Promise<KafkaOffset | undefined> {
  try {
    const { start, end } = await reader.bounds()
    if (end < to) return undefined
    return start > from ? start : from
  } catch (error) {
    if (error instanceof MillraceError && error.code === 'topic-missing') return undefined
    throw error
  }
}

async function givenBy(
  view: View,
  decoder: Decoder,
  record: LogRecord,
): Promise<readonly Mutation[]> {
  try {
    const decoded = await decoder.decode(record)
    if (decoded.kind !== 'change' || decoded.change.kind === 'read') return []
    const folded = fold(view, decoded.change)
    return folded.kind === 'unusable' ? [] : folded.contributions
  } catch (error) {
    if (!(error instanceof MillraceError) || error.code === 'registry-unavailable') throw error
    return []
  }
}
