import * as fc from 'fast-check'
import { systemClock } from '../../src/clock.ts'
import { decoder } from '../../src/decode/decoder.ts'
import { MillraceError } from '../../src/errors.ts'
import { userInformation } from '../../examples/social/user-information.ts'
import {
  column,
  envelope,
  envelopeSchema,
  frame,
  framed,
  keySchema,
  knownSchemas,
  logRecord,
  placeholder,
  tweetColumns,
} from '../support/builders.ts'

const schemas = {
  1: keySchema('tweets', [column.long('tweet_id')]),
  2: envelopeSchema('tweets', tweetColumns),
  3: { type: 'record', name: 'Other', fields: [{ name: 'x', type: 'string' }] } as const,
  4: 'string' as const,
}
const row = { tweet_id: 1n, user_id: 5n, text: 'x', created_at: '2026-11-21T10:18:00.123456Z' }
const key = framed(1, schemas[1], { tweet_id: 1n })
const value = framed(
  2,
  schemas[2],
  envelope({ op: 'u', before: row, after: { ...row, user_id: 6n } }),
)

function tweets() {
  return decoder({
    registry: knownSchemas(schemas as never),
    view: userInformation,
    table: 'tweets',
    topic: 't',
    clock: systemClock,
    placeholder,
    unknownSchemaMs: 0,
  })
}

describe('bytes that are no record of the topic', () => {
  test.each<[string, Uint8Array | null, Uint8Array, RegExp]>([
    ['an empty value', key, Buffer.alloc(0), /wire format/],
    ['a value of JSON', key, Buffer.from('{"payload":{}}'), /wire format/],
    ['a key of JSON', Buffer.from('{"id":1}'), value, /wire format/],
    ['an empty key', Buffer.alloc(0), value, /wire format/],
    ['no key', null, value, /no key/],
    ['a value cut short', key, value.subarray(0, -3), /does not fit/],
    ['a value with more behind it', key, Buffer.concat([value, key]), /does not fit/],
    ['a key cut short', key.subarray(0, 5), value, /key does not fit/],
    ['a schema that is no envelope', key, framed(3, schemas[3] as never, { x: 'y' }), /envelope/],
    ['a schema that is no record', key, frame(4, Buffer.from([2, 65])), /envelope/],
    ['a key that is no record', frame(4, Buffer.from([2, 65])), value, /row's key/],
    ['an unknown schema', key, frame(99, Buffer.alloc(3)), /schema 99/],
    ['an unknown schema of the key', frame(98, Buffer.alloc(3)), value, /schema 98/],
  ])('are undecodable: %s', async (_, keyBytes, valueBytes, reason) => {
    const found = tweets()
    await found.decode(logRecord(key, value))
    expect(await found.decode(logRecord(keyBytes, valueBytes))).toEqual({
      kind: 'undecodable',
      reason: expect.stringMatching(reason),
    })
  })

  test('never throw anything but a named fault', async () => {
    const found = tweets()
    await found.decode(logRecord(key, value))
    const edit = fc.record({ at: fc.nat(value.length - 1), byte: fc.nat(255) })
    const broken = (bytes: Buffer) =>
      fc
        .record({
          edits: fc.array(edit, { maxLength: 4 }),
          cut: fc.nat(bytes.length),
          more: fc.uint8Array({ maxLength: 8 }),
        })
        .map(({ edits, cut, more }) => {
          const copy = Buffer.from(bytes)
          for (const { at, byte } of edits) copy[at % copy.length] = byte
          return cut < 8 ? Buffer.concat([copy.subarray(0, cut * 20), more]) : copy
        })
    const any = fc.oneof(
      { weight: 6, arbitrary: broken(value) },
      { weight: 1, arbitrary: fc.uint8Array() },
    )
    await fc.assert(
      fc.asyncProperty(broken(key), any, async (keyBytes, valueBytes) => {
        try {
          const decoded = await found.decode(logRecord(keyBytes, valueBytes))
          expect(['change', 'undecodable', 'unusable']).toContain(decoded.kind)
        } catch (error) {
          expect(error).toBeInstanceOf(MillraceError)
        }
      }),
      { numRuns: 5_000 },
    )
  })

  test('name the schema of a key where there is one', () => {
    const found = tweets()
    expect(found.keySchemaId(logRecord(key, null))).toBe(1)
    expect(found.keySchemaId(logRecord(null, value))).toBeUndefined()
    expect(found.keySchemaId(logRecord(Buffer.from('x'), value))).toBeUndefined()
  })
})

test('a record whose schemas are known is decoded at once', async () => {
  const found = tweets()
  expect(found.decode(logRecord(key, value))).toBeInstanceOf(Promise)
  await found.decode(logRecord(key, value))
  expect(found.decode(logRecord(key, value))).toMatchObject({ kind: 'change' })
})
