import {
  decodeFingerprint,
  encodeFingerprint,
  fingerprintOf,
  isSameDatabase,
  knownSlotState,
  withAbsent,
  type Fingerprint,
} from '../../src/coordinate/fingerprint.ts'

const tables = {
  authors: { oid: 1, files: [11], identity: 'f' },
  books: { oid: 2, files: [12, 13], identity: 'd' },
}
const unique = { authors: [], books: ['isbn'] }
const setup = { tables, publication: { oid: 4 }, slot: { name: 'millrace' }, unique }
const moment = { history: '7/1', setup: JSON.stringify(setup) }
const topic = { id: 'a', partitions: 2, compactionLagMs: 5, cleanupPolicy: 'compact' }
const before: Fingerprint = fingerprintOf({
  moment,
  settings: { b: '2', a: '1' },
  topics: { books: topic },
  evicted: 3,
})

describe('a fingerprint', () => {
  test('names everything that may keep changes from the log', () => {
    expect(before).toEqual({
      history: '7/1',
      tables,
      publication: { oid: 4 },
      slot: { name: 'millrace' },
      unique,
      connector: {
        hash: expect.stringMatching(/^[0-9a-f]{16}$/),
        placeholder: '__debezium_unavailable_value',
      },
      evicted: 3,
      topics: { books: topic },
    })
  })

  test('is that of the settings in whatever order, and names their placeholder', () => {
    const of = (settings: Record<string, string>) =>
      fingerprintOf({ moment, settings, topics: {}, evicted: 0 }).connector
    expect(of({ a: '1', b: '2' })).toEqual(of({ b: '2', a: '1' }))
    expect(of({ a: '1', b: '2', c: '3' })).toEqual(of({ c: '3', a: '1', b: '2' }))
    expect(of({ a: '1', b: '2', c: '3' })).toEqual(of({ b: '2', c: '3', a: '1' }))
    expect(of({ a: '1', b: '3' }).hash).not.toBe(of({ a: '1', b: '2' }).hash)
    expect(of({ 'unavailable.value.placeholder': 'x' }).placeholder).toBe('x')
  })

  test('comes back from its text', () => {
    expect(decodeFingerprint(encodeFingerprint(before))).toEqual(before)
    expect(() => decodeFingerprint('{}')).toThrow()
  })

  test('holds no settings, which may be secret', () => {
    const secret = fingerprintOf({
      moment,
      settings: { password: 'hunter2' },
      topics: {},
      evicted: 0,
    })
    expect(encodeFingerprint(secret)).not.toContain('hunter2')
  })
})

describe('a look compares the database', () => {
  const given = (more: object) => ({ ...moment, setup: JSON.stringify({ ...setup, ...more }) })

  test('and finds it the same where history, tables, publication and slot are', () => {
    expect(isSameDatabase(before, moment)).toBe(true)
    expect(isSameDatabase(decodeFingerprint(encodeFingerprint(before)), moment)).toBe(true)
    expect(isSameDatabase({ ...before, evicted: 9, topics: {} }, moment)).toBe(true)
  })

  test.each([
    ['another history', { ...moment, history: '7/2' }],
    ['another table', given({ tables: { ...tables, books: { oid: 9 } } })],
    ['another publication', given({ publication: null })],
    ['another slot', given({ slot: null })],
  ])('and finds %s', (_, other) => {
    expect(isSameDatabase(before, other)).toBe(false)
  })
})

test('topics that are away are taken over from the one before, in their order', () => {
  const [other, altered] = [
    { ...topic, id: 'o' },
    { ...topic, id: 'b', partitions: 8 },
  ]
  const known = { ...before, evicted: 2, topics: { books: topic, other } }
  expect(withAbsent({ ...before, topics: { other } }, known)).toEqual({
    ...before,
    topics: { books: topic, other },
  })
  const { topics } = withAbsent({ ...before, topics: { new: other, books: altered } }, known)
  expect(Object.entries(topics)).toEqual([
    ['books', altered],
    ['other', other],
    ['new', other],
  ])
})

test('the state of the slot is known where a fingerprint of this form tells it', () => {
  const slotState = { active: true, walStatus: 'reserved', walBytes: 7, atMs: 8 }
  expect(knownSlotState(encodeFingerprint({ ...before, slotState }))).toEqual(slotState)
  expect(knownSlotState(encodeFingerprint(before))).toBeUndefined()
  expect(knownSlotState('{"of":"another form"}')).toBeUndefined()
  expect(knownSlotState(undefined)).toBeUndefined()
})
