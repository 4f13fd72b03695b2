import type { LogRecord } from '../../src/change.ts'
import { hashOf, mayBeGone } from '../../src/consume/record-identity.ts'
import { at } from '../support/library.ts'

const bytes = (text: string): Uint8Array => Buffer.from(text)

const record: LogRecord = {
  offset: at(7),
  timestampMs: 1_700_000_000_000,
  key: bytes('key'),
  value: bytes('value'),
}

const hash = (given: Partial<LogRecord> = {}) => hashOf({ ...record, ...given }, false).hash

describe('the hash of a record', () => {
  test('names its offset, and is the same for the same record', () => {
    expect(hashOf(record, false)).toEqual({ offset: at(7), hash: hash() })
    expect(hash({ key: bytes('key'), value: bytes('value') })).toBe(hash())
    expect(hash()).toMatch(/^[\w-]{27}$/)
  })

  test('is what checkpoints hold already', () => {
    expect(hash()).toBe('IPkrDcFKgOO-BURWp3MvLCiCJOU')
    expect(hash({ key: null, value: null })).toBe('lv7PtKijg-EBu3Rwv70kHGZTS1s')
  })

  test('is another one for another time, key or value', () => {
    const others: Partial<LogRecord>[] = [
      {},
      { timestampMs: record.timestampMs + 1 },
      { key: bytes('kez') },
      { key: null },
      { value: bytes('valuf') },
      { value: null },
      { key: null, value: null },
      { key: bytes('') },
      { key: bytes(''), value: null },
      // The same bytes, divided in another way.
      { key: bytes('keyv'), value: bytes('alue') },
      { key: bytes('keyvalue'), value: null },
      { key: null, value: bytes('keyvalue') },
    ]
    expect(new Set(others.map(hash)).size).toBe(others.length)
  })

  test('is the same wherever the record stands', () => {
    expect(hash({ offset: at(8) })).toBe(hash())
  })
})

test('a record that compaction may take is told by its hash, and no other is', () => {
  const emptied = hashOf(record, true)
  expect(mayBeGone(emptied.hash)).toBe(true)
  expect(mayBeGone(hash())).toBe(false)
  expect(emptied.hash).toBe(`emptied:${hash()}`)
})
