import {
  decodeFingerprint,
  encodeFingerprint,
  fingerprintOf,
  isSameSetup,
  type Fingerprint,
} from '../../src/coordinate/fingerprint.ts'
import { doubt, doubtsBetween, unappliedDoubts } from '../../src/coordinate/setup-doubts.ts'
import type { Doubt, DoubtCode } from '../../src/store/state.ts'

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

const tableOf = (name: string) => (name === 'books' ? 'books' : undefined)
const context = { tableOf, barrier: 9, applied: { books: 2 } }

/** Doubts when what is given differs, for a barrier of number 9. */
function doubtsOf(given: Partial<Fingerprint>, from = before) {
  return doubtsBetween(from, { ...before, ...given }, context)
}

const common = {
  hint: undefined,
  tables: [],
  keys: [],
  offsets: new Map(),
  barrier: 9,
  restart: undefined,
}

describe('what differs is a doubt', () => {
  test('and nothing where nothing does', () => {
    expect(doubtsOf({})).toEqual([])
    expect(doubtsOf({}, decodeFingerprint(encodeFingerprint(before)))).toEqual([])
  })

  test('and nothing where another index is unique, which is written down all the same', () => {
    const other = { ...before, unique: { authors: ['name'], books: [] } }
    expect(doubtsOf(other)).toEqual([])
    expect(isSameSetup(before, other)).toBe(false)
    expect(isSameSetup(before, { ...before, unique: undefined })).toBe(false)
    expect(isSameSetup(before, decodeFingerprint(encodeFingerprint(before)))).toBe(true)
  })

  test('about everything where the database is another', () => {
    expect(doubtsOf({ history: '7/2' })).toEqual([
      {
        ...common,
        name: 'source-replaced',
        code: 'source-replaced',
        reason: expect.stringContaining('7/2, before 7/1'),
        hint: expect.any(String),
        restart: { how: 'forward', partitions: [] },
      },
    ])
  })

  test.each([
    ['its object', { oid: 9, files: [12, 13], identity: 'd' }, 'table-rewritten', 'was emptied'],
    ['its files', { oid: 2, files: [12, 14], identity: 'd' }, 'table-rewritten', 'was emptied'],
    ['what it is', 'gone', 'table-rewritten', 'was emptied'],
    [
      'its replica identity',
      { oid: 2, files: [12, 13], identity: 'f' },
      'replica-identity-altered',
      'had its replica identity',
    ],
  ])('about a table of which %s is another', (_, books, code, what) => {
    expect(doubtsOf({ tables: { ...tables, books } })).toEqual([
      {
        ...common,
        name: `${code} books`,
        code,
        reason: expect.stringMatching(new RegExp(`^table books ${what}`)),
        tables: ['books'],
      },
    ])
  })

  test('about a table that was nothing and is something', () => {
    const from = { ...before, tables: { ...tables, books: 'nothing' } }
    expect(doubtsOf({}, from)).toMatchObject([{ name: 'table-rewritten books' }])
  })

  test('about each table of its own, and none that was not looked at both times', () => {
    const { authors, books } = tables
    const both = doubtsOf({
      tables: { authors: { ...authors, oid: 8 }, books: { ...books, oid: 9 } },
    })
    expect(both.map(({ name }) => name)).toEqual([
      'table-rewritten authors',
      'table-rewritten books',
    ])
    expect(doubtsOf({ tables: { authors } })).toEqual([])
    expect(doubtsOf({ tables: { ...tables, prizes: { oid: 3 } } })).toEqual([])
  })

  test.each([
    ['publication', { publication: { oid: 5 } }, 'publication-altered', undefined],
    ['slot', { slot: null }, 'slot-altered', expect.stringContaining('README')],
    [
      'connector',
      { connector: { ...before.connector, hash: 'x' } },
      'connector-altered',
      undefined,
    ],
  ])('about everything where the %s is altered', (_, given, code, hint) => {
    const [found, ...others] = doubtsOf(given)
    expect(others).toEqual([])
    expect(found).toEqual({ ...common, name: code, code, reason: expect.any(String), hint })
    expect(found!.reason).not.toBe('')
  })

  test('about everything where the store has dropped keys', () => {
    expect(doubtsOf({ evicted: 5 })).toEqual([
      {
        ...common,
        name: 'entries-evicted',
        code: 'entries-evicted',
        reason: 'the store has dropped 2 keys to make room',
        hint: expect.stringContaining('noeviction'),
      },
    ])
    expect(doubtsOf({ evicted: 3 })).toEqual([])
    expect(doubtsOf({ evicted: 0 })).toEqual([])
  })

  test('about the table of a topic that was made anew, whose log is another one', () => {
    const topics = { books: { ...topic, id: 'b', partitions: 3 } }
    expect(doubtsOf({ topics })).toEqual([
      {
        ...common,
        name: 'another-log books',
        code: 'another-log',
        reason: 'topic books was deleted and made anew',
        tables: ['books'],
        restart: { how: 'anew', partitions: ['books/0', 'books/1', 'books/2'] },
      },
    ])
  })

  test('about the table of a topic with more partitions', () => {
    expect(doubtsOf({ topics: { books: { ...topic, partitions: 3 } } })).toEqual([
      {
        ...common,
        name: 'partitions-changed books',
        code: 'partitions-changed',
        reason: 'topic books has 3 partitions, it had 2',
        tables: ['books'],
        restart: { how: 'forward', partitions: ['books/0', 'books/1', 'books/2'] },
      },
    ])
  })

  test.each([{ compactionLagMs: 6 }, { cleanupPolicy: 'delete' }])(
    'about the table of a topic with other settings: %j',
    (given) => {
      expect(doubtsOf({ topics: { books: { ...topic, ...given } } })).toEqual([
        {
          ...common,
          name: 'topic-altered books',
          code: 'topic-altered',
          reason: expect.stringContaining('settings of topic books were altered'),
          tables: ['books'],
        },
      ])
    },
  )

  test('about everything where nobody knows the table of the topic', () => {
    const from = { ...before, topics: { other: topic } }
    const [found] = doubtsOf({ topics: { other: { ...topic, id: 'b' } } }, from)
    expect(found).toMatchObject({ name: 'another-log other' })
    expect(found!.tables).toHaveLength(0)
  })

  test('and none where a topic is new', () => {
    expect(doubtsOf({ topics: { books: topic, other: topic } })).toEqual([])
  })

  test('of each thing, all at once', () => {
    const all = doubtsOf({
      history: '8/1',
      publication: {},
      slot: {},
      evicted: 4,
      tables: { authors: {}, books: {} },
      topics: { books: { ...topic, partitions: 4 } },
    })
    expect(all.map(({ code }) => code)).toEqual([
      'source-replaced',
      'table-rewritten',
      'table-rewritten',
      'publication-altered',
      'slot-altered',
      'entries-evicted',
      'partitions-changed',
    ])
  })
})

describe('partitions that the view does not apply', () => {
  const applied = (books: number | undefined, told: readonly Doubt[] = []) =>
    unappliedDoubts(before, { ...context, applied: books === undefined ? {} : { books } }, told)

  test('are a doubt about the table of their topic', () => {
    expect(applied(2)).toEqual([])
    for (const [books, had] of [
      [1, 1],
      [undefined, 0],
      [3, 3],
    ] as const) {
      expect(applied(books)).toEqual([
        {
          ...common,
          name: 'partitions-changed books',
          code: 'partitions-changed',
          reason: `topic books has 2 partitions, it had ${had}`,
          tables: ['books'],
          restart: { how: 'forward', partitions: ['books/0', 'books/1'] },
        },
      ])
    }
  })

  test('are told of once', () => {
    const restart = { how: 'anew', partitions: [] } as const
    const of = (code: DoubtCode, what: string, given = {}) =>
      doubt(code, 4, { what, reason: 'why', restart, ...given })
    expect(applied(1, [of('partitions-changed', 'books')])).toEqual([])
    expect(applied(1, [of('another-log', 'books')])).toEqual([])
    expect(applied(1, [of('another-log', 'other')])).toHaveLength(1)
    expect(applied(1, [of('another-log', 'books', { restart: undefined })])).toHaveLength(1)
    expect(applied(1, applied(1))).toEqual([])
  })
})

test('a doubt has no more than what it is given', () => {
  expect(doubt('slot-altered', 4, { reason: 'why' })).toEqual({
    ...common,
    name: 'slot-altered',
    code: 'slot-altered',
    reason: 'why',
    barrier: 4,
  })
  const whole = {
    reason: 'why',
    hint: 'mend it',
    tables: ['books'],
    keys: ['1'],
    restart: { how: 'anew', partitions: [] },
  } as const
  expect(doubt('another-log', 4, { ...whole, what: 'books' })).toEqual({
    ...whole,
    name: 'another-log books',
    code: 'another-log',
    offsets: new Map(),
    barrier: 4,
  })
})

describe('the tables of a publication', () => {
  const publication = (given: object | null, all = false) => ({ oid: 4, all, tables: given })
  const altered = (was: unknown, is: unknown) =>
    doubtsOf({ publication: is }, { ...before, publication: was }).map(({ code }) => code)
  const both = { authors: { columns: 1 }, books: { columns: 2 } }

  test('are compared where they were asked for both times', () => {
    expect(altered(publication(both), publication(both))).toEqual([])
    const other = { ...both, books: { columns: 3 } }
    expect(altered(publication(both), publication(other))).toEqual(['publication-altered'])
  })

  test('tell nothing where they were asked for once', () => {
    const { books: _, ...one } = both
    expect(altered(publication(one), publication(both))).toEqual([])
    expect(altered(publication(both), publication(one))).toEqual([])
    expect(altered(publication(both), publication(null))).toEqual([])
    expect(altered(publication(null), publication(both))).toEqual([])
  })

  test('are not all that there is of it', () => {
    expect(altered(publication(both), publication(both, true))).toEqual(['publication-altered'])
    expect(altered(publication(null), publication(null, true))).toEqual(['publication-altered'])
  })

  test('are none of one that is gone, or of another form', () => {
    expect(altered(publication(both), null)).toEqual(['publication-altered'])
    expect(altered(null, publication(both))).toEqual(['publication-altered'])
    expect(altered(null, null)).toEqual([])
  })
})
