/** A small view for tests: authors, with how many books and prizes each has. */
import type { Decoded, LogRecord, StreamedChange } from '../../src/change.ts'
import type { Decoder } from '../../src/decode/decoder.ts'
import { parseKafkaOffset, type KafkaOffset } from '../../src/position.ts'
import { countOf, defineView, from } from '../../src/view/define-view.ts'
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
