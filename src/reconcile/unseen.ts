/**
 * Reads the log from the anchors of looks to the checkpoints that they met, and gathers what changes
 * give to entries that the looks' snapshots do not see.
 */
import { identityOf, type Decoded, type LogRecord, type StreamedChange } from '../change.ts'
import type { ChangeLog, PartitionReader } from '../consume/change-source.ts'
import { withLogReader } from '../consume/log-reader.ts'
import { recordsBelow } from '../consume/records-below.ts'
import type { Decoder } from '../decode/decoder.ts'
import { MillraceError, unreachable } from '../errors.ts'
import type { Mutation } from '../mutation.ts'
import { parseTopicPartition, type KafkaOffset } from '../position.ts'
import type { Checkpoint, Offsets } from '../store/state.ts'
import { sees, type Snapshot } from '../transaction.ts'
import { consolidator } from '../view/consolidate.ts'
import { fold } from '../view/fold.ts'
import type { View } from '../view/view.ts'

export type UnseenParts = {
  readonly view: View
  readonly changeLog: ChangeLog
  /** Of the table whose changes a topic holds; undefined for a topic of no table of the view. */
  readonly tableOf: (
    topic: string,
  ) => { readonly table: string; readonly decoder: Decoder } | undefined
}

/** Entries of one page that were read in one moment. */
export type Reading = {
  readonly snapshot: Snapshot
  readonly anchor: Offsets
  readonly checkpoints: ReadonlyMap<string, Checkpoint>
  readonly keys: readonly string[]
  /** Of the one entry that was read, where only these items of a tally were. */
  readonly items?: { readonly tally: string; readonly among: ReadonlySet<string> }
  /** By entry. */
  readonly unseen: Map<string, Mutation>
  /** Tables with a record in the range that can't be computed. */
  readonly unproved: Set<string>
}

/** Fills `unseen` and `unproved` of every reading; the log is read once for all of them. */
export async function gatherUnseen(
  parts: UnseenParts,
  readings: readonly Reading[],
  signal: AbortSignal,
): Promise<void> {
  const byKey = new Map<string, Reading[]>()
  for (const reading of readings) {
    for (const key of reading.keys) {
      const others = byKey.get(key)
      if (others) others.push(reading)
      else byKey.set(key, [reading])
    }
  }
  const gathered: Gathered = new Map()
  const ranges = rangesOf(readings)
  await Promise.all(
    [...ranges].map(async ([name, range]) => {
      const { topic, partition } = parseTopicPartition(name)
      const known = parts.tableOf(topic)
      if (!known) return
      const work = new PartitionWork({ ...parts, ...known, name, readings, byKey, gathered })
      const from = { partition: { topic, partition }, signal }
      await withLogReader(parts.changeLog, from, async (reader) => {
        let reached = range.from
        for await (const { position, records } of recordsBelow(reader, range.from, range.to)) {
          if (position === reached) await refuseShorter(reader, range)
          reached = position
          for (const record of records) {
            const taken = work.take(record)
            if (taken) await taken
          }
        }
      })
    }),
  )
  if (signal.aborted) throw new MillraceError('look-void', 'the look was given up')
  for (const [{ unseen }, contributions] of gathered) {
    for (const mutation of contributions.take()) unseen.set(mutation.entry, mutation)
  }
}

type Gathered = Map<Reading, ReturnType<typeof consolidator>>

/** Where nothing comes, the log may be another one, which will not be so long for long. */
async function refuseShorter(reader: PartitionReader, { to }: Range): Promise<void> {
  const { end } = await reader.bounds()
  if (end < to) throw new MillraceError('look-void', `the log ends at ${end}, before ${to}`)
}

export type Range = { readonly from: KafkaOffset; readonly to: KafkaOffset }

function rangesOf(readings: readonly Reading[]): ReadonlyMap<string, Range> {
  const ranges = new Map<string, Range>()
  for (const { anchor, checkpoints } of readings) {
    for (const [name, { next }] of checkpoints) {
      const from = anchor.get(name)
      if (from === undefined || from >= next) continue
      const known = ranges.get(name)
      ranges.set(name, {
        from: known && known.from < from ? known.from : from,
        to: known && known.to > next ? known.to : next,
      })
    }
  }
  return ranges
}

type WorkParts = UnseenParts & {
  readonly table: string
  readonly decoder: Decoder
  readonly name: string
  readonly readings: readonly Reading[]
  readonly byKey: ReadonlyMap<string, readonly Reading[]>
  readonly gathered: Gathered
}

class PartitionWork {
  readonly #parts: WorkParts
  /** Of changes that were gathered: what is emitted again gives nothing. */
  readonly #identities = new Set<string>()

  constructor(parts: WorkParts) {
    this.#parts = parts
  }

  take(record: LogRecord): Promise<void> | undefined {
    const { decoder } = this.#parts
    try {
      const decoded = decoder.decode(record)
      if (!(decoded instanceof Promise)) {
        this.#gather(record.offset, decoded)
        return undefined
      }
      return decoded.then(
        (later) => this.#gather(record.offset, later),
        (error: unknown) => this.#failed(record.offset, error),
      )
    } catch (error) {
      this.#failed(record.offset, error)
      return undefined
    }
  }

  /** A record that stops its partition, or will: nothing can be told of its table here. */
  #failed(offset: KafkaOffset, error: unknown): void {
    if (!(error instanceof MillraceError) || error.code === 'registry-unavailable') throw error
    this.#unproved(offset, undefined)
  }

  #gather(offset: KafkaOffset, decoded: Decoded): void {
    switch (decoded.kind) {
      case 'tombstone':
        return
      case 'undecodable':
        return this.#unproved(offset, undefined)
      case 'unusable':
        return this.#unproved(offset, decoded.transaction)
      case 'change':
        if (decoded.change.kind !== 'read') this.#change(offset, decoded.change)
        return
      default:
        unreachable(decoded)
    }
  }

  #change(offset: KafkaOffset, change: StreamedChange): void {
    const folded = fold(this.#parts.view, change)
    if (folded.kind === 'unusable') return this.#unproved(offset, change.transaction)
    let first: boolean | undefined
    for (const contribution of folded.contributions) {
      for (const reading of this.#parts.byKey.get(contribution.entry) ?? []) {
        if (!this.#reaches(reading, offset)) continue
        if (sees(reading.snapshot, change.transaction)) continue
        first ??= this.#isFirst(change)
        if (!first) return
        this.#add(reading, contribution)
      }
    }
  }

  #add(reading: Reading, contribution: Mutation): void {
    const mine = reading.items ? ofItems(contribution, reading.items) : contribution
    if (!mine) return
    const { gathered } = this.#parts
    const known = gathered.get(reading) ?? consolidator()
    gathered.set(reading, known)
    known.add([mine])
  }

  #isFirst(change: StreamedChange): boolean {
    const identity = identityOf(change)
    if (this.#identities.has(identity)) return false
    this.#identities.add(identity)
    return true
  }

  /** Nothing is told of the table to those that do not see the transaction. */
  #unproved(offset: KafkaOffset, transaction: number | undefined): void {
    for (const reading of this.#parts.readings) {
      if (!this.#reaches(reading, offset)) continue
      if (transaction !== undefined && sees(reading.snapshot, transaction)) continue
      reading.unproved.add(this.#parts.table)
    }
  }

  #reaches({ anchor, checkpoints }: Reading, offset: KafkaOffset): boolean {
    const from = anchor.get(this.#parts.name)
    const next = checkpoints.get(this.#parts.name)?.next
    return from !== undefined && next !== undefined && from <= offset && offset < next
  }
}

/** What it gives to these items; undefined where that is nothing. */
function ofItems(
  { entry, cells }: Mutation,
  { tally, among }: NonNullable<Reading['items']>,
): Mutation | undefined {
  const given = [...(cells?.get(tally) ?? [])].filter(([item]) => among.has(item))
  if (given.length === 0) return undefined
  return { entry, put: undefined, add: {}, cells: new Map([[tally, new Map(given)]]) }
}
