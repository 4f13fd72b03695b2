import type { Change, Decoded, LogRecord } from '../change.ts'
import type { Clock } from '../clock.ts'
import type { PartitionReader } from '../consume/change-source.ts'
import { hashOf } from '../consume/record-identity.ts'
import { recordsBelow } from '../consume/records-below.ts'
import type { Decoder } from '../decode/decoder.ts'
import { MillraceError, RebuildNeeded, unreachable } from '../errors.ts'
import { fold } from '../view/fold.ts'
import type { View } from '../view/view.ts'
import type { Log } from '../log.ts'
import { sameKeySchema } from '../pipeline.ts'
import { topicPartitionName, type KafkaOffset, type Lsn } from '../position.ts'
import type { SourceDatabase } from '../source/source-database.ts'
import type { Checkpoint, Generation, ViewWriter } from '../store/store.ts'
import type { GenerationWatch } from './generation-watch.ts'
import { pour } from './pour.ts'
import { RowTable, type RowState } from './row-table.ts'

export type BootstrapParts = {
  readonly view: View
  readonly table: string
  readonly reader: PartitionReader
  readonly decoder: Decoder
  readonly writer: ViewWriter
  readonly generation: Generation
  readonly watch: GenerationWatch
  readonly source: Pick<SourceDatabase, 'missing' | 'end'>
  readonly clock: Clock
  readonly log: Log
  /** `min.compaction.lag.ms` of the topic. */
  readonly lagMs: number
  readonly entriesPerPourMax: number
  readonly parkedMax: number
}

const progressEveryMs = 5_000
/** Rows whose last record does not tell what they are: beyond it the first one is said at once. */
const unknownMax = 1_000

/**
 * Builds what one partition gives to the view from the beginning of its log, and pours it. The
 * last record of a key wins; that survives snapshots emitted twice, changes emitted again,
 * compaction, and changes without their `before`. The steps, and why in this order:
 *
 *   1. read to the present end, then to that of a barrier begun meanwhile, `E0`: it proves that
 *      the source is captured, so that no delete from here on goes unnoticed. Before it, a
 *      connector may be down that will read the source anew and never emit what it missed
 *   2. ask SQL which of the rows exist: what SQL lacks was deleted, and its delete either comes
 *      below `H` or was never captured
 *   3. wait for a barrier begun after that; `H` is its end here. Read to `H`
 *   4. rows that SQL lacks and that no record touched between `E0` and `H` are ghosts: drop them
 *   5. pour; deltas apply from `H`, with the identity window beginning at the barrier's `W`
 *
 * Returns early when the partition is lost or the generation is another one.
 */
export async function bootstrap(parts: BootstrapParts): Promise<void> {
  const startedMs = parts.clock.monotonicMs()
  const rows = new RowTable()
  try {
    const reading = new Reading(parts, rows)
    const begun = await parts.source.end()
    const { start, end } = await parts.reader.bounds()
    if (!(await reading.to(end, start))) return
    const captured = await barrierAfter(parts, begun)
    if (!captured) return
    const asked = captured.end > end ? captured.end : end
    if (!(await reading.to(asked, end))) return
    const absent = await absentRows(parts, rows)
    const checkpoint = await reading.toBarrier(asked)
    if (!checkpoint) return
    const ghosts = absent.filter((id) => rows.removeUntouched(id, asked)).length
    reading.refuseUnknownRows()
    if (parts.clock.monotonicMs() - startedMs > parts.lagMs) {
      throw new RebuildNeeded(
        'bootstrap-too-slow',
        `reading ${topicPartitionName(parts.reader.partition)} took longer than the log keeps ` +
          'every change: compaction may have taken changes meanwhile',
      )
    }
    parts.log.debug({ rows: rows.size, ghosts, next: checkpoint.next }, 'pouring')
    await pour(parts, rows, checkpoint)
  } finally {
    rows.close()
  }
}

/** Reads one partition into the row table. */
class Reading {
  readonly #parts: BootstrapParts
  readonly #rows: RowTable
  /** From `E0` on: the newest LSN that was streamed of a row, by the bytes of its key. */
  #newest: Map<string, Lsn> | undefined
  #last: { readonly record: LogRecord; readonly emptied: boolean } | undefined
  #keySchema: number | undefined
  /** Rows whose last record can't say what they are, by the hexadecimal bytes of their key. */
  readonly #unknown = new Map<string, MillraceError>()

  constructor(parts: BootstrapParts, rows: RowTable) {
    this.#parts = parts
    this.#rows = rows
  }

  /** Reads every record below `target`. False when there is no more reason to. */
  async to(target: KafkaOffset, from: KafkaOffset): Promise<boolean> {
    const { reader, clock, log } = this.#parts
    let saidMs = clock.monotonicMs()
    for await (const { position, records } of recordsBelow(reader, from, target)) {
      if (!this.#current()) return false
      for (const record of records) await this.#take(record)
      if (clock.monotonicMs() - saidMs > progressEveryMs) {
        saidMs = clock.monotonicMs()
        log.info(
          { position, target, rows: this.#rows.size },
          'reading the topic from its beginning',
        )
      }
    }
    return !reader.lost.aborted
  }

  /** From `E0` to the end of a barrier begun now; the checkpoint to stand at after the pour. */
  async toBarrier(end: KafkaOffset): Promise<Checkpoint | undefined> {
    const barrier = await barrierAfter(this.#parts, await this.#parts.source.end(), end)
    if (!barrier) return undefined
    // What is emitted again may stand on both sides of H, and the tail drops what is above. So an
    // older change of a row must not win here: its LSN tells, for it rises strictly per row.
    this.#newest = new Map()
    if (!(await this.to(barrier.end, end))) return undefined
    return {
      phase: 'live',
      poured: 0,
      next: barrier.end,
      last: this.#last && hashOf(this.#last.record, this.#last.emptied),
      windowFrom: barrier.from,
      windowAtMs: barrier.takenAtMs,
      atMs: barrier.takenAtMs,
      keySchema: this.#keySchema,
    }
  }

  /** What the last record of a row does not tell can't be guessed. */
  refuseUnknownRows(): void {
    for (const error of this.#unknown.values()) throw error
  }

  async #take(record: LogRecord): Promise<void> {
    const { decoder } = this.#parts
    const name = record.key ? Buffer.from(record.key).toString('hex') : `offset ${record.offset}`
    let decoded: Decoded
    try {
      const answer = decoder.decode(record)
      decoded = answer instanceof Promise ? await answer : answer
      this.#unknown.delete(name)
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error
      // Waiting for a schema is worth it only for the last record of a row.
      if (error.retriable && error.code !== 'schema-unknown') throw error
      this.#unknown.set(name, error)
      if (this.#unknown.size > unknownMax) this.refuseUnknownRows()
      return
    }
    const state = this.#stateAfter(record, decoded, name)
    if (state) this.#rows.set(record, state)
    const emptied = decoded.kind === 'change' ? decoded.change.kind === 'delete' : !record.value
    this.#last = { record, emptied }
  }

  #stateAfter(record: LogRecord, decoded: Decoded, name: string): RowState | undefined {
    switch (decoded.kind) {
      case 'tombstone':
        return { kind: 'gone' }
      case 'undecodable':
        return { kind: 'undecodable', record, reason: decoded.reason }
      case 'unusable':
        this.#unknown.set(
          name,
          new MillraceError('row-unknown', `offset ${record.offset}: ${decoded.reason}`, {
            hint: 'Take a new snapshot of the source (see the README), then npm run rebuild.',
          }),
        )
        return undefined
      case 'change':
        this.#keySchema = sameKeySchema(this.#parts, this.#keySchema, record)
        return this.#rowAfter(decoded.change, name)
      default:
        return unreachable(decoded)
    }
  }

  #rowAfter(change: Change, name: string): RowState | undefined {
    if (this.#newest) {
      if (change.kind === 'read') {
        throw new RebuildNeeded(
          'snapshot-in-bootstrap',
          'the source was read anew while this view was built: deletes before it may be unknown',
        )
      }
      if (change.lsn < (this.#newest.get(name) ?? 0n)) return undefined
      this.#newest.set(name, change.lsn)
    }
    if (change.kind === 'delete') return { kind: 'gone' }
    const { table, key, lsn, after } = change
    const folded = fold(this.#parts.view, { kind: 'read', table, key, lsn, after })
    if (folded.kind === 'unusable')
      throw new Error(`a whole row can't be unusable: ${folded.reason}`)
    return { kind: 'row', key, contributions: folded.contributions }
  }

  #current(): boolean {
    return this.#parts.watch.generation?.id === this.#parts.generation.id
  }
}

/** This partition's part of a barrier with a marker after `after`, begun at `least` or beyond. */
async function barrierAfter(
  { watch, generation, reader }: BootstrapParts,
  after: Lsn,
  least = 0n as KafkaOffset,
): Promise<{ from: KafkaOffset; end: KafkaOffset; takenAtMs: number } | undefined> {
  const name = topicPartitionName(reader.partition)
  const barrier = await watch.barrier(
    generation.id,
    reader.lost,
    ({ lsn, from }) => lsn > after && (from.get(name) ?? -1n) >= least,
  )
  const [from, end] = [barrier?.from.get(name), barrier?.ends.get(name)]
  if (!barrier || from === undefined || end === undefined) return undefined
  return { from, end, takenAtMs: barrier.takenAtMs }
}

/** Ids of the rows that SQL does not have. */
async function absentRows(
  { source, table, log }: BootstrapParts,
  rows: RowTable,
): Promise<readonly number[]> {
  const absent: number[] = []
  for (const page of rows.rows()) {
    const keys = page.map(({ key }) => key)
    for (const index of await source.missing(table, keys)) absent.push(page[index]!.id)
  }
  if (absent.length > 0) log.info({ rows: absent.length }, 'rows of the log that SQL does not have')
  return absent
}
