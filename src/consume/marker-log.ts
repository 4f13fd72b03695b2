import { randomUUID } from 'node:crypto'
import { backoff, type Clock } from '../clock.ts'
import { describe, MillraceError } from '../errors.ts'
import type { Log } from '../log.ts'
import { topicPartitionName, type KafkaOffset } from '../position.ts'
import type { ChangeLog, PartitionReader } from './change-source.ts'

/** What a marker's text begins with, so that it is found in a record without its schema. */
const prefix = 'millrace-marker:'
const idLength = 36
const readTimeoutMs = 1_000
/** Of markers that arrived; what others have written is among them. */
const rememberedMax = 10_000
const pauseFirstMs = 100
const pauseMostMs = 5_000
/** A marker is waited for longer than this, so that one in a partition that was added arrives in time. */
const countEveryMs = 5_000
const lookAgainMs = 100
/** What a record begins with that a converter with a schema registry has written. */
const framed = 0

/** Random text for one marker. */
export function newMarker(): string {
  return `${prefix}${randomUUID()}`
}

export type MarkerLogParts = {
  readonly changeLog: ChangeLog
  /** Where the connector writes logical messages: `millrace.message`. */
  readonly topic: string
  /** How many partitions it has by now; rejects while that can't be asked. */
  readonly partitions: () => Promise<number>
  readonly clock: Clock
  readonly log: Log
}

type Following = { readonly isLate: boolean; readonly over: AbortSignal }

type Reading = {
  /** Came when others were read already: all that it has counts. */
  readonly isLate: boolean
  readonly signal: AbortSignal
  readonly begun: () => void
}

type Followed = {
  readonly end: AbortController
  readonly read: Promise<void>
  readonly done: Promise<void>
}

/**
 * Tells which markers have arrived in the log. A marker that was committed to a database and
 * arrives proves that this database is the one that is captured, and that the commit has survived.
 *
 * Which partition of its topic they come in is decided by the connector's key for them, so all are
 * read.
 */
export class MarkerLog {
  readonly #parts: MarkerLogParts
  /** Whether each was written in a transaction of Kafka's. */
  readonly #arrived = new Map<string, boolean>()
  /** Where to read on, by partition. */
  readonly #positions = new Map<number, KafkaOffset>()
  readonly #readers = new Map<number, PartitionReader>()
  /** What could not be asked or read when it was tried last. */
  readonly #faults = new Map<string, MillraceError>()
  /** What was met last that may have been a marker, and when, monotonic milliseconds. */
  #hidden: { readonly what: string; readonly atMs: number } | undefined
  #reading = Promise.withResolvers<void>()
  #wake = Promise.withResolvers<void>()

  constructor(parts: MarkerLogParts) {
    this.#parts = parts
  }

  /**
   * Reads from the log's present end on, and after a fault from where it was, until `signal` aborts.
   * A partition that comes later is read from its beginning on.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts
    const bug = new AbortController()
    const over = AbortSignal.any([signal, bug.signal])
    const followed: Followed[] = []
    let first = true
    while (!over.aborted) {
      const count = await this.#count(over)
      if (count === undefined) break
      const news = Array.from({ length: Math.max(0, count - followed.length) }, (_, index) =>
        this.#follow(followed.length + index, { isLate: !first, over }),
      )
      for (const { done } of news) done.catch((error: unknown) => bug.abort(error))
      followed.push(...news)
      for (const { end } of followed.splice(count)) end.abort()
      if (first) void Promise.all(news.map(({ read }) => read)).then(() => this.#reading.resolve())
      first = false
      await clock.sleep(countEveryMs, over)
    }
    await Promise.allSettled(followed.map(({ done }) => done))
    this.#reading.resolve()
    if (bug.signal.aborted) throw bug.signal.reason
  }

  /** Resolves when the log is read: a marker that is committed after that is not missed. */
  ready(): Promise<void> {
    return this.#reading.promise
  }

  /** True once the marker has arrived, however often it is asked for; false when `signal` aborted before. */
  async arrival(marker: string, signal: AbortSignal): Promise<boolean> {
    const aborted = Promise.withResolvers<void>()
    const abort = () => aborted.resolve()
    signal.addEventListener('abort', abort)
    try {
      while (!signal.aborted && !this.#arrived.has(marker)) {
        await Promise.race([this.#wake.promise, aborted.promise])
      }
    } finally {
      signal.removeEventListener('abort', abort)
    }
    return this.#arrived.has(marker)
  }

  /**
   * Whether the marker has arrived in a transaction of Kafka's. Connect commits in it how far its
   * connector was when it wrote the transaction's last record.
   */
  inTransaction(marker: string): boolean {
    return this.#arrived.get(marker) === true
  }

  /**
   * Resolves when all was read that stands in the log now, and nothing since `sinceMs` that may have
   * been a marker unseen: one that was committed since, acknowledged by the log, and has not arrived
   * is not in it. Rejects with `markers-unread` where that can't be said when `signal` aborts, and as
   * the brokers do.
   */
  async readThrough(sinceMs: number, signal: AbortSignal): Promise<void> {
    const count = await this.#parts.partitions()
    for (let partition = 0; partition < count; partition += 1) {
      await this.#readUpToNow(partition, signal)
    }
    if (this.#hidden && this.#hidden.atMs >= sinceMs) throw unread(this.#hidden.what)
  }

  async #readUpToNow(partition: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts
    let end: KafkaOffset | undefined
    let fault: MillraceError | undefined
    for (;;) {
      fault = this.#faults.get(String(partition)) ?? fault
      end ??= (await this.#readers.get(partition)?.bounds())?.end
      const position = this.#positions.get(partition)
      if (end !== undefined && position !== undefined && position >= end) return
      if (signal.aborted) {
        const upTo = `up to ${position ?? 'nowhere'} of ${end ?? 'an unknown end'}`
        throw unread(`${this.#nameOf(partition)} is read ${upTo}`, fault)
      }
      await clock.sleep(lookAgainMs, signal)
    }
  }

  /** Undefined when `signal` aborted before it could be asked. */
  async #count(signal: AbortSignal): Promise<number | undefined> {
    const { partitions, clock } = this.#parts
    const pause = backoff(pauseFirstMs, pauseMostMs)
    while (!signal.aborted) {
      try {
        const count = await partitions()
        this.#well('partitions')
        return count
      } catch (error) {
        this.#failed('partitions', error, signal)
        await clock.sleep(pause.nextMs(), signal)
      }
    }
    return undefined
  }

  #follow(partition: number, { isLate, over }: Following): Followed {
    const end = new AbortController()
    const read = Promise.withResolvers<void>()
    const signal = AbortSignal.any([over, end.signal])
    const done = this.#readOn(partition, { isLate, signal, begun: read.resolve })
    return { end, read: read.promise, done }
  }

  async #readOn(partition: number, { isLate, signal, begun }: Reading): Promise<void> {
    const { changeLog, topic, clock } = this.#parts
    const reader = changeLog.reader({ topic, partition }, signal)
    const pause = backoff(pauseFirstMs, pauseMostMs)
    const name = String(partition)
    this.#readers.set(partition, reader)
    while (!signal.aborted) {
      try {
        reader.seek(await this.#from(reader, isLate))
        begun()
        this.#well(name)
        await this.#read(reader, () => pause.reset())
      } catch (error) {
        this.#failed(name, error, signal)
        await clock.sleep(pause.nextMs(), signal)
      }
    }
    begun()
    // It may be there again, and read by another one.
    if (this.#readers.get(partition) !== reader) return
    this.#positions.delete(partition)
    this.#readers.delete(partition)
    this.#well(name)
  }

  async #from(reader: PartitionReader, isLate: boolean): Promise<KafkaOffset> {
    const { start, end } = await reader.bounds()
    const { partition } = reader.partition
    const known = this.#positions.get(partition) ?? (isLate ? start : end)
    const from = known >= start && known <= end ? known : end
    if (from !== known)
      this.#hide(`${this.#nameOf(partition)} was left out from ${known} to ${from}`)
    this.#positions.set(partition, from)
    return from
  }

  #failed(what: string, error: unknown, signal: AbortSignal): void {
    if (!(error instanceof MillraceError)) throw error
    if (signal.aborted) return
    if (this.#faults.size === 0) {
      this.#parts.log.warn({ reason: describe(error) }, 'markers are not read')
    }
    this.#faults.set(what, error)
  }

  #hide(what: string): void {
    this.#hidden = { what, atMs: this.#parts.clock.monotonicMs() }
  }

  #nameOf(partition: number): string {
    return topicPartitionName({ topic: this.#parts.topic, partition })
  }

  #well(what: string): void {
    if (!this.#faults.delete(what) || this.#faults.size > 0) return
    this.#parts.log.info('markers are read again')
  }

  async #read(reader: PartitionReader, well: () => void): Promise<void> {
    const name = topicPartitionName(reader.partition)
    while (!reader.lost.aborted) {
      const batch = await reader.next(readTimeoutMs)
      well()
      if (batch) this.#positions.set(reader.partition.partition, batch.next)
      const found = (batch?.records ?? []).flatMap(({ offset, value, inTransaction = false }) => {
        const markers = markersIn(value)
        if (markers.length === 0 && value && value[0] !== framed)
          this.#hide(otherForm(name, offset))
        return markers.map((marker) => [marker, inTransaction] as const)
      })
      if (found.length === 0) continue
      for (const [marker, inTransaction] of found) this.#arrived.set(marker, inTransaction)
      for (const marker of this.#arrived.keys()) {
        if (this.#arrived.size <= rememberedMax) break
        this.#arrived.delete(marker)
      }
      this.#wake.resolve()
      this.#wake = Promise.withResolvers()
    }
  }
}

function unread(what: string, cause?: MillraceError): MillraceError {
  const hint =
    cause?.hint ??
    'A reader that is behind catches up by itself. See value.converter of the connector, and "When ' +
      'Kafka has lost the end of a transaction" in the README.'
  const message = `whether a marker is in the log can't be told: ${what}`
  return new MillraceError('markers-unread', message, { cause, hint })
}

function otherForm(name: string, offset: KafkaOffset): string {
  return `the record at ${offset} of ${name} was not written by a converter with a schema registry`
}

/** Text of a logical message stands in a record's value as it is, whatever the schema. */
function markersIn(value: Uint8Array | null): string[] {
  if (!value) return []
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length)
  const at = bytes.indexOf(prefix)
  return at < 0 ? [] : [bytes.toString('latin1', at, at + prefix.length + idLength)]
}
