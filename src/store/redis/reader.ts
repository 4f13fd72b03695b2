import { parseKafkaOffset, parseLsn, parseTopicPartition } from '../../position.ts'
import type { Entry, ViewLayout } from '../../mutation.ts'
import { checkKeys } from '../checks.ts'
import { refuseOtherFormat, stateFormat } from '../epoch.ts'
import { keptEntries } from '../kept-entries.ts'
import { limits } from '../limits.ts'
import { compareParked, decodeParked } from '../parked.ts'
import type { ReadResult, StoreStatus, ViewReader } from '../reader.ts'
import type { ParkedRecord } from '../state.ts'
import type { RedisConnection, Reply } from './connection.ts'
import { EntryHash } from './entry-hash.ts'
import { EntryTallies } from './entry-tallies.ts'
import { completeField, type ViewKeys } from './keys.ts'
import { readStatus } from './state.ts'

export class RedisReader implements ViewReader {
  readonly #connection: RedisConnection
  readonly #keys: ViewKeys
  readonly #layout: ViewLayout
  readonly #hash: EntryHash
  readonly #tallies: EntryTallies
  /** What every read says: the state's format, what has to be complete, fields and slices. */
  readonly #args: readonly string[]

  constructor(
    connection: RedisConnection,
    keys: ViewKeys,
    { layout, served }: { readonly layout: ViewLayout; readonly served: string },
  ) {
    this.#connection = connection
    this.#keys = keys
    this.#layout = layout
    this.#hash = new EntryHash(layout)
    this.#tallies = new EntryTallies(layout, keys, this.#hash.watched.length)
    const asked = [...this.#hash.read, ...this.#tallies.sliceArgs]
    this.#args = [String(stateFormat), completeField(served), ...asked]
  }

  async read(keys: readonly string[]): Promise<ReadResult> {
    checkKeys(keys, limits.readKeysMax)
    const { state, doubts, entry: keyOf } = this.#keys
    const all: string[] = [state, doubts]
    for (const key of keys) {
      all.push(keyOf(key))
      this.#tallies.pushReadKeys(all, key)
    }
    const reply = await this.#connection.run('read', all, this.#args)
    const [kind, watermark, ageMs, codes, keepFrom] = reply
    if (kind === 'format') refuseOtherFormat(watermark, state)
    if (kind === 'unavailable') {
      return { kind, phase: watermark as 'absent' | 'building' }
    }
    return {
      kind: 'serving',
      watermark: parseLsn(String(watermark)),
      ageMs: Math.max(0, Number(ageMs)),
      doubts: [...new Set(codes as readonly string[])],
      entries: keptEntries(
        keys.map((key, index) => this.#entry(key, reply[index + 5] as readonly Reply[])),
        this.#layout,
        keepFrom === '' ? undefined : Number(keepFrom),
      ),
    }
  }

  status(): Promise<StoreStatus> {
    return readStatus(this.#connection, this.#keys)
  }

  async *parked(): AsyncIterable<ParkedRecord> {
    const { parked } = this.#keys
    const fields = (await this.#connection.ask('hkeys', [parked])) as readonly string[]
    const places = fields.map(parsePlace).toSorted(compareParked)
    for (let at = 0; at < places.length; at += limits.parkedPageRecords) {
      const page = places.slice(at, at + limits.parkedPageRecords).map(({ field }) => field)
      const texts = (await this.#connection.ask('hmget', [parked, ...page])) as Reply[]
      for (const text of texts) if (typeof text === 'string') yield decodeParked(text, parked)
    }
  }

  async clearParked(): Promise<number> {
    const { state, parked } = this.#keys
    const [, count] = await this.#connection.run('clear-parked', [state, parked], [])
    return Number(count)
  }

  #entry(key: string, values: readonly Reply[]): Entry | null {
    const entry = this.#hash.parse(key, values, this.#keys.entry(key))
    const tallies = entry && this.#tallies.parse(key, values.slice(this.#hash.read.length))
    return tallies ? { ...entry, tallies } : entry
  }
}

/** A field of the parked hash: `topic/partition/offset`. */
function parsePlace(field: string) {
  const at = field.lastIndexOf('/')
  return {
    field,
    partition: parseTopicPartition(field.slice(0, at)),
    offset: parseKafkaOffset(field.slice(at + 1)),
  }
}
