import { randomUUID } from 'node:crypto'
import { backoff, type Clock } from '../clock.ts'
import { describe, MillraceError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { KafkaOffset, TopicPartition } from '../position.ts'
import type { ChangeLog, PartitionReader } from './change-source.ts'

/** What a marker's text begins with, so that it is found in a record without its schema. */
const prefix = 'millrace-marker:'
const idLength = 36
const readTimeoutMs = 1_000
/** Of markers that arrived; what others have written is among them. */
const rememberedMax = 10_000
const pauseFirstMs = 100
const pauseMostMs = 5_000

/** Random text for one marker. */
export function newMarker(): string {
  return `${prefix}${randomUUID()}`
}

export type MarkerLogParts = {
  readonly changeLog: ChangeLog
  /** Where the connector writes logical messages: `millrace.message`, of one partition. */
  readonly topic: string
  readonly clock: Clock
  readonly log: Log
}

/**
 * Tells which markers have arrived in the log. A marker that was committed to a database and
 * arrives proves that this database is the one that is captured, and that the commit has survived.
 */
export class MarkerLog {
  readonly #parts: MarkerLogParts
  readonly #partition: TopicPartition
  /** Whether each was written in a transaction of Kafka's. */
  readonly #arrived = new Map<string, boolean>()
  /** Where to read on. */
  #position: KafkaOffset | undefined
  #reading = Promise.withResolvers<void>()
  #wake = Promise.withResolvers<void>()

  constructor(parts: MarkerLogParts) {
    this.#parts = parts
    this.#partition = { topic: parts.topic, partition: 0 }
  }

  /** Reads from the log's present end on, and after a fault from where it was, until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { changeLog, clock, log } = this.#parts
    const reader = changeLog.reader(this.#partition, signal)
    const pause = backoff(pauseFirstMs, pauseMostMs)
    let said = false
    while (!signal.aborted) {
      try {
        reader.seek(await this.#from(reader))
        this.#reading.resolve()
        if (said) log.info('markers are read again')
        said = false
        await this.#read(reader, () => pause.reset())
      } catch (error) {
        if (!(error instanceof MillraceError)) throw error
        if (!said && !signal.aborted) log.warn({ reason: describe(error) }, 'markers are not read')
        said = true
        await clock.sleep(pause.nextMs(), signal)
      }
    }
    this.#reading.resolve()
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

  async #from(reader: PartitionReader): Promise<KafkaOffset> {
    const { start, end } = await reader.bounds()
    const known = this.#position
    this.#position = known !== undefined && known >= start && known <= end ? known : end
    return this.#position
  }

  async #read(reader: PartitionReader, well: () => void): Promise<void> {
    while (!reader.lost.aborted) {
      const batch = await reader.next(readTimeoutMs)
      well()
      if (batch) this.#position = batch.next
      const found = (batch?.records ?? []).flatMap(({ value, inTransaction = false }) =>
        markersIn(value).map((marker) => [marker, inTransaction] as const),
      )
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

/** Text of a logical message stands in a record's value as it is, whatever the schema. */
function markersIn(value: Uint8Array | null): string[] {
  if (!value) return []
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length)
  const at = bytes.indexOf(prefix)
  return at < 0 ? [] : [bytes.toString('latin1', at, at + prefix.length + idLength)]
}
