import { parseKafkaOffset, parseLsn, parseTopicPartition } from '../../position.ts'
import type { Entry, ViewLayout } from '../../mutation.ts'
import { refuseOtherFormat, stateFormat } from '../epoch.ts'
import { keptEntries } from '../kept-entries.ts'
import { limits } from '../limits.ts'
import { compareParked, decodeParked } from '../parked.ts'
import type {
  Displaced,
  KeyPlace,
  ReadPart,
  ReadResult,
  StoreStatus,
  ViewReader,
} from '../reader.ts'
import type { ParkedRecord } from '../state.ts'
import { checkParts, strangeReader, withoutNulls } from '../together.ts'
import type { RedisConnection, Reply } from './connection.ts'
import { EntryHash } from './entry-hash.ts'
import { EntryTallies } from './entry-tallies.ts'
import { completeField, type ViewKeys } from './keys.ts'
import { scanKeys } from './scan.ts'
import { readStatus } from './state.ts'

export class RedisReader implements ViewReader {
  readonly #connection: RedisConnection
  readonly #keys: ViewKeys
  readonly #layout: ViewLayout
  readonly #hash: EntryHash
  readonly #tallies: EntryTallies
  /** What every read says: what has to be complete, fields and slices. */
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
    const { read } = this.#hash
    this.#args = [completeField(served), String(read.length), ...read, ...this.#tallies.sliceArgs]
  }

  async read(keys: readonly string[]): Promise<ReadResult> {
    const [result] = await this.readTogether([{ reader: this, keys }])
    return result!
  }

  async readTogether(parts: readonly ReadPart[]): Promise<readonly ReadResult[]> {
    checkParts(parts)
    const keys: string[] = []
    const args = [String(stateFormat)]
    for (const part of parts) own(part.reader).#pushPart(part, parts, { keys, args })
    const [kind, ...answers] = await this.#connection.run('read', keys, args)
    if (kind === 'format') refuseOtherFormat(answers[0], String(answers[1]))
    return parts.map((part, at) => own(part.reader).#parse(part, answers[at] as readonly Reply[]))
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

  async displaced(): Promise<readonly Displaced[]> {
    const places = new Set<string>()
    let cursor: string | undefined
    do {
      const page = await scanKeys(this.#connection, this.#keys.displacedPattern, cursor)
      for (const place of page.keys) places.add(place)
      cursor = page.cursor
    } while (cursor !== undefined)
    const found = [...places].flatMap((place) => {
      const from = this.#keys.displacedFrom(place)
      const entry = from && this.#keys.entryOf(from.key)
      return entry === undefined ? [] : [{ place, entry, atMs: from!.atMs }]
    })
    return found.toSorted((a, b) => a.atMs - b.atMs || (a.place < b.place ? -1 : 1))
  }

  #pushPart(
    part: ReadPart,
    parts: readonly ReadPart[],
    { keys, args }: { readonly keys: string[]; readonly args: string[] },
  ): void {
    const { state, doubts, entry: keyOf } = this.#keys
    keys.push(state, doubts)
    args.push(...this.#args)
    if ('keys' in part) {
      args.push('keys', String(part.keys.length))
      for (const key of part.keys) {
        keys.push(keyOf(key))
        this.#tallies.pushReadKeys(keys, key)
      }
    } else {
      const place = own(parts[part.by.part]!.reader).#placeOf(part.by)
      args.push('by', String(part.by.part + 1), ...place, keyOf(''), ...this.#tallies.readPrefixes)
    }
  }

  /** Where an entry of this reader holds keys of others, as the script says it. */
  #placeOf(place: KeyPlace): readonly [kind: string, number: string] {
    const isField = 'field' in place
    const number = isField
      ? this.#hash.fieldNumber(place.field)
      : this.#tallies.sliceNumber(place.slice)
    if (number === 0) throw new Error(`store: nothing is read under ${JSON.stringify(place)}`)
    return [isField ? 'field' : 'tally', String(number)]
  }

  #parse(part: ReadPart, [kind, ...rest]: readonly Reply[]): ReadResult {
    if (kind === 'unavailable') return { kind, phase: rest[0] as 'absent' | 'building' }
    const [watermark, ageMs, codes, keepFrom, ...found] = rest
    const values = found as readonly (readonly Reply[])[]
    const entries =
      'keys' in part
        ? part.keys.map((key, at) => this.#entry(key, values[at]!))
        : values.map(([key, ...each]) => this.#entry(String(key), each))
    const bound = keepFrom === '' ? undefined : Number(keepFrom)
    const result: ReadResult = {
      kind: 'serving',
      watermark: parseLsn(String(watermark)),
      ageMs: Math.max(0, Number(ageMs)),
      doubts: [...new Set(codes as readonly string[])],
      entries: keptEntries(entries, this.#layout, bound),
    }
    return 'keys' in part ? result : withoutNulls(result)
  }

  #entry(key: string, values: readonly Reply[]): Entry | null {
    const entry = this.#hash.parse(key, values, this.#keys.entry(key))
    const slices = entry && this.#tallies.parse(key, values.slice(this.#hash.read.length))
    return slices ? { ...entry, slices } : entry
  }
}

function own(reader: ViewReader): RedisReader {
  if (reader instanceof RedisReader) return reader
  throw strangeReader(reader)
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
