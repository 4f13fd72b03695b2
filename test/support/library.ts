/** A small view for tests: authors, with how many books and prizes each has. */
import type { Decoded, LogRecord, StreamedChange } from '../../src/change.ts'
import type { Decoder } from '../../src/decode/decoder.ts'
import { parseKafkaOffset, type KafkaOffset } from '../../src/position.ts'
import { countOf, defineView, from } from '../../src/view/define-view.ts'
import { viewOf, type Tally, type View } from '../../src/view/view.ts'
import { insert } from './builders.ts'

export const library = defineView({
  name: 'library',
  key: { authorId: 'bigint' },
  row: from('authors', { key: 'id', fields: { name: 'name' } }),
  aggregates: {
    bookCount: countOf('books', { by: 'author' }),
    prizeCount: countOf('prizes', { by: 'author' }),
  },
})

/** The same, with two tallies: of each author's books by genre, and of prizes by name. */
export const talliedLibrary: View = viewOf({
  ...library,
  tallies: [tallyOf('genres', 'books', 'genre'), tallyOf('honours', 'prizes', 'title')],
})

function tallyOf(name: string, table: string, column: string): Tally {
  const item = { kind: 'values', columns: [{ column, type: 'text' }] } as const
  return { name, stored: name, table, by: ['author'], where: [], item }
}

export const at = (offset: number | bigint): KafkaOffset => parseKafkaOffset(String(offset))

/** A book of an author, as a change that this transaction made. */
export function book(id: number, by: number, transaction = 900): StreamedChange {
  return insert('books', { id: BigInt(id) }, { author: BigInt(by) }, { transaction })
}

export function author(id: number, name: string | null, transaction = 900): StreamedChange {
  const key = { id: BigInt(id) }
  return insert('authors', key, { ...key, name }, { transaction })
}

const known = new WeakMap<Uint8Array, Decoded | Error | Promise<Decoded>>()

/** A record that `decoderOfTests` decodes to this; an error is thrown. */
export function recordOf(
  offset: number | bigint,
  decoded: Decoded | Error | Promise<Decoded>,
  given: Partial<LogRecord> = {},
): LogRecord {
  const value = Buffer.from(`value ${offset}`)
  known.set(given.value ?? value, decoded)
  return { offset: at(offset), timestampMs: 7, key: Buffer.from(`key ${offset}`), value, ...given }
}

export function changed(change: StreamedChange): Decoded {
  return { kind: 'change', change }
}

export const decoderOfTests: Decoder = {
  decode({ value }) {
    const decoded = value ? known.get(value) : ({ kind: 'tombstone' } as const)
    if (decoded instanceof Error) throw decoded
    if (!decoded) throw new Error('a record that no test has made')
    return decoded
  },
  keySchemaId: ({ key }) => (key ? key[0] : undefined),
}
