import { MillraceError, type ErrorCode } from '../../src/errors.ts'
import { belowZeroDoubt, doubtOf } from '../../src/partition/doubts.ts'

const partition = { topic: 'books', partition: 3 }

test.each<[ErrorCode, 'forward' | 'anew']>([
  ['log-start-passed', 'forward'],
  ['another-log', 'anew'],
  ['compaction-overtaken', 'forward'],
  ['window-full', 'forward'],
])('a log that can not be continued from for %s is restarted %s', (code, how) => {
  const error = new MillraceError(code, 'why it is so', { hint: 'what to do' })
  expect(doubtOf(error, partition)).toEqual({
    name: `${code} books/3`,
    code,
    reason: 'books/3: why it is so',
    hint: 'what to do',
    tables: [],
    keys: [],
    offsets: new Map(),
    barrier: 0,
    restart: { how, partitions: ['books/3'] },
  })
})

test.each<ErrorCode>(['store-away', 'fetch-failed', 'column-gone', 'out-of-range'])(
  'any other fault is no doubt: %s',
  (code) => {
    expect(doubtOf(new MillraceError(code, 'x'), partition)).toBeUndefined()
  },
)

test('counts below zero are a doubt about their entries, each once', () => {
  const below = [
    { entry: '7', count: 'bookCount' },
    { entry: '7', count: 'prizeCount' },
    { entry: '9', count: 'bookCount' },
  ]
  expect(belowZeroDoubt({ partition, table: 'books', below }, [])).toEqual({
    name: 'below-zero books/3',
    code: 'below-zero',
    reason: '7 bookCount is below zero, which no rows can explain',
    hint: undefined,
    tables: ['books'],
    keys: ['7', '9'],
    offsets: new Map(),
    barrier: 0,
    restart: undefined,
  })
})

describe('counts below zero are a doubt', () => {
  const books = { partition, table: 'books' }
  const belowOf = (...entries: readonly (string | number)[]) => ({
    ...books,
    below: entries.map((entry) => ({ entry: `${entry}`, count: 'bookCount' })),
  })
  const upTo = (count: number) => Array.from({ length: count }, (_, entry) => entry)

  test('about the entries of the one that stands, too', () => {
    const before = belowZeroDoubt(belowOf('7', '9'), [])
    const other = { ...belowZeroDoubt(belowOf('1'), []), name: 'below-zero books/4' }
    expect(belowZeroDoubt(belowOf('9', '8'), [other, before]).keys).toEqual(['7', '9', '8'])
  })

  test('about all entries where there are more than a hundred', () => {
    const keys = upTo(100).map(String)
    expect(belowZeroDoubt(belowOf(...upTo(100)), []).keys).toEqual(keys)
    expect(belowZeroDoubt(belowOf(...upTo(101)), []).keys).toEqual([])
    const before = belowZeroDoubt(belowOf(...upTo(100)), [])
    expect(belowZeroDoubt(belowOf('100'), [before]).keys).toEqual([])
    expect(belowZeroDoubt(belowOf('99'), [before]).keys).toEqual(keys)
  })

  test('about all entries where the one that stands is', () => {
    const before = belowZeroDoubt(belowOf(...upTo(101)), [])
    expect(belowZeroDoubt(belowOf('7'), [before]).keys).toEqual([])
  })
})
