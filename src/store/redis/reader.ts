import { parseKafkaOffset, parseLsn, parseTopicPartition } from '../../position.ts'
import { checkRead, typeError } from '../checks.ts'
import { refuseNewer } from '../generation.ts'
import { limits } from '../limits.ts'
import { compareParked, decodeParked } from '../parked.ts'
import type {
  ParkedRecord,
  Phase,
  ReadResult,
  StoredEntry,
  StoreStatus,
  ViewReader,
} from '../store.ts'
import type { RedisConnection, Reply } from './connection.ts'
import type { RedisLayout } from './keys.ts'
import { readStatus } from './state.ts'

export class RedisReader implements ViewReader {
  readonly #connection: RedisConnection
  readonly #layout: RedisLayout

  constructor(connection: RedisConnection, layout: RedisLayout) {
    this.#connection = connection
    this.#layout = layout
  }

  async read(keys: readonly string[]): Promise<ReadResult> {
    checkRead(keys)
    const reply = await this.#read(keys, 'serving')
    if (reply[0] === 'unavailable') {
      return { kind: 'unavailable', phase: reply[1] as Phase | 'absent' }
    }
    refuseNewer(reply[2], this.#layout.state)
    if (typeof reply[1] !== 'string') throw typeError(this.#layout.state, 'no watermark')
    const entries = keys.map((key, index) => {
      const { fields, counts } = this.#parse(key, reply[index + 3]) ?? { fields: null }
      return fields && { key, fields, counts }
    })
    return { kind: 'serving', watermark: parseLsn(reply[1]), entries }
  }

  status(): Promise<StoreStatus> {
    return readStatus(this.#connection, this.#layout)
  }

  async *scan(): AsyncIterable<readonly StoredEntry[]> {
    const { entryPattern, entryPrefix } = this.#layout
    for await (const found of scanKeys(this.#connection, entryPattern)) {
      const keys = found.map((key) => key.slice(entryPrefix.length))
      for (let at = 0; at < keys.length; at += limits.readKeysMax) {
        const page = keys.slice(at, at + limits.readKeysMax)
        const reply = await this.#read(page, '')
        yield page.flatMap((key, index) => this.#parse(key, reply[index + 3]) ?? [])
      }
    }
  }

  async *parked(): AsyncIterable<ParkedRecord> {
    const { parked } = this.#layout
    const fields = (await this.#connection.command('hkeys', [parked])) as readonly string[]
    const places = fields.map(parsePlace).toSorted(compareParked)
    for (let at = 0; at < places.length; at += limits.parkedPageRecords) {
      const page = places.slice(at, at + limits.parkedPageRecords).map(({ field }) => field)
      const texts = (await this.#connection.command('hmget', [parked, ...page])) as Reply[]
      for (const text of texts) if (typeof text === 'string') yield decodeParked(text, parked)
    }
  }

  #read(keys: readonly string[], phase: string): Promise<readonly Reply[]> {
    const all = [this.#layout.state]
    for (const key of keys) all.push(this.#layout.entry(key))
    return this.#connection.run('read', all, [phase, ...this.#layout.all])
  }

  #parse(key: string, values: Reply | undefined): StoredEntry | undefined {
    return this.#layout.parse(key, values as readonly Reply[])
  }
}

/** Pages of keys; one that is there from beginning to end comes at least once. */
export async function* scanKeys(
  connection: RedisConnection,
  pattern: string,
): AsyncIterable<readonly string[]> {
  let cursor = '0'
  do {
    const args = [cursor, 'MATCH', pattern, 'COUNT', String(limits.scanPageEntries)]
    const [next, keys] = (await connection.command('scan', args)) as [string, string[]]
    cursor = next
    if (keys.length > 0) yield keys
  } while (cursor !== '0')
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
