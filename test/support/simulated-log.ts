import type { Change, Decoded, LogRecord, Row } from '../../src/change.ts'
import type { Batch, PartitionReader } from '../../src/consume/change-source.ts'
import type { Decoder } from '../../src/decode/decoder.ts'
import {
  lsnFromInteger,
  topicPartitionName,
  type KafkaOffset,
  type Lsn,
} from '../../src/position.ts'
import type { Barrier } from '../../src/store/store.ts'

/** A number from 0 up to, without, `below`. */
export type Random = (below: number) => number

/** xorshift32: the same numbers for the same seed, everywhere. */
export function seeded(seed: number): Random {
  let state = seed | 0 || 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

type Emission = { readonly partition: string; readonly key: string; readonly change: Change | null }

/**
 * A source database, its connector and its topics in one: rows change, changes are appended to
 * partitions with control records between them, and a connector that dies emits again what it had
 * not committed. It answers what `SourceDatabase`, `Connector` and `TopicAdmin` would.
 */
export class SimulatedLog {
  readonly topics: Readonly<Record<string, number>>
  readonly rows = new Map<string, Map<string, Row>>()
  readonly #logs = new Map<string, LogRecord[]>()
  readonly #ends = new Map<string, bigint>()
  readonly #random: Random
  /** What the connector has emitted and not committed, in its order. */
  #uncommitted: Emission[] = []
  /** What it emits next: after a crash all that it had not committed. */
  #waiting: Emission[] = []
  #lsn = 1000n

  constructor(topics: Readonly<Record<string, number>>, random: Random) {
    this.topics = topics
    this.#random = random
    for (const [topic, partitions] of Object.entries(topics)) {
      this.rows.set(topic, new Map())
      for (let partition = 0; partition < partitions; partition += 1) {
        this.#logs.set(topicPartitionName({ topic, partition }), [])
        this.#ends.set(topicPartitionName({ topic, partition }), 0n)
      }
    }
  }

  /** Sets a row, or deletes it where `after` is null, and emits what a connector would. */
  write(table: string, key: Row, after: Row | null): void {
    const rows = this.rows.get(table)!
    const name = JSON.stringify(Object.values(key).map(String))
    const before = rows.get(name)
    if (!before && !after) return
    const common = { table, key, lsn: this.#nextLsn() }
    if (after) rows.set(name, after)
    else rows.delete(name)
    const change: Change = !before
      ? { kind: 'insert', ...common, after: after! }
      : after
        ? { kind: 'update', ...common, before, after }
        : { kind: 'delete', ...common, before }
    this.#emit({ partition: this.#partitionOf(table, name), key: name, change })
    if (!after) this.#emit({ partition: this.#partitionOf(table, name), key: name, change: null })
  }

  /** Deletes a row while no connector runs: nothing is emitted, ever. */
  vanish(table: string): void {
    const [name] = this.rows.get(table)!.keys()
    if (name !== undefined) this.rows.get(table)!.delete(name)
  }

  /** The connector dies: it will emit again what it had not committed. */
  crashConnector(): void {
    this.#waiting = [...this.#uncommitted, ...this.#waiting]
    this.#uncommitted = []
  }

  /** The connector emits up to `count` of what waits. */
  flow(count: number): void {
    for (const emission of this.#waiting.splice(0, count)) {
      this.#append(emission)
      this.#uncommitted.push(emission)
    }
  }

  commitConnector(): void {
    this.#uncommitted = []
  }

  /** A barrier, with as much happening between its steps as `meanwhile` does. */
  barrier(meanwhile: () => void): Barrier {
    const from = this.#offsets()
    const lsn = this.#nextLsn()
    meanwhile()
    // Connect passes the marker when everything before it is acknowledged and committed.
    this.flow(Number.POSITIVE_INFINITY)
    this.commitConnector()
    meanwhile()
    return { lsn, from, ends: this.#offsets(), takenAtMs: 0 }
  }

  async end(): Promise<Lsn> {
    return lsnFromInteger(this.#lsn)
  }

  async missing(table: string, keys: readonly Row[]): Promise<readonly number[]> {
    const rows = this.rows.get(table)!
    return keys.flatMap((key, index) =>
      rows.has(JSON.stringify(Object.values(key).map(String))) ? [] : [index],
    )
  }

  reader(topic: string, partition: number, lost: AbortSignal): PartitionReader {
    const name = topicPartitionName({ topic, partition })
    let position = 0n
    return {
      partition: { topic, partition },
      lost,
      bounds: async () => ({ start: 0n as KafkaOffset, end: this.#ends.get(name)! as KafkaOffset }),
      seek: (offset) => (position = offset),
      next: async () => {
        await new Promise(setImmediate)
        if (lost.aborted) return undefined
        // A fetch from somewhere else, as a client may deliver it that was not patched.
        const stale = this.#random(20) === 0 && position > 0n
        const from = stale ? position - BigInt(this.#random(3)) : position
        const batch = this.#fetch(name, (from < 0n ? 0n : from) as KafkaOffset)
        if (batch) position = batch.next
        return batch
      },
      note: () => undefined,
    }
  }

  #fetch(name: string, from: KafkaOffset): Batch | undefined {
    const end = this.#ends.get(name)! as KafkaOffset
    if (from >= end) return undefined
    const log = this.#logs.get(name)!.filter((record) => record.offset >= from)
    const records = log.slice(0, 1 + this.#random(6))
    const last = records.at(-1)
    const rest = log.length > records.length
    const next = (rest && last ? last.offset + 1n : end) as KafkaOffset
    return { from, next, records, end, fetchedAtMs: 0 }
  }

  #emit(emission: Emission): void {
    this.#waiting.push(emission)
    // Right after a crash even new changes wait behind the old ones.
    if (this.#waiting.length === 1) this.flow(1)
  }

  #append({ partition, key, change }: Emission): void {
    const offset = this.#ends.get(partition)! as KafkaOffset
    const value = change && Buffer.from(JSON.stringify(change, bigints))
    this.#logs.get(partition)!.push({ offset, timestampMs: 0, key: Buffer.from(key), value })
    // A control record follows now and then.
    this.#ends.set(partition, offset + 1n + BigInt(this.#random(3) === 0))
  }

  #partitionOf(table: string, key: string): string {
    let hash = 7
    for (const letter of key) hash = (hash * 31 + letter.charCodeAt(0)) % 1_000_003
    return topicPartitionName({ topic: table, partition: hash % this.topics[table]! })
  }

  #offsets(): ReadonlyMap<string, KafkaOffset> {
    return new Map(this.#ends) as Map<string, never>
  }

  #nextLsn(): Lsn {
    this.#lsn += 8n
    return lsnFromInteger(this.#lsn)
  }
}

/** Reads what the simulated log wrote, where a real one reads Avro. */
export const simulatedDecoder: Decoder = {
  decode: ({ value }): Decoded =>
    value
      ? { kind: 'change', change: JSON.parse(Buffer.from(value).toString(), fromBigints) as Change }
      : { kind: 'tombstone' },
  keySchemaId: () => 1,
}

const bigints = (_: string, value: unknown) =>
  typeof value === 'bigint' ? { $: value.toString() } : value

const fromBigints = (_: string, value: unknown) =>
  typeof value === 'object' && value !== null && '$' in value ? BigInt(String(value.$)) : value
