import { linesOf, shownEntry, type Explained } from '../../src/roles/explained.ts'
import { encodeEntry } from '../../src/store/entry-text.ts'
import { library, talliedLibrary } from '../support/library.ts'

const entry = { fields: { name: 'Ada' }, counts: { bookCount: 1n, prizeCount: 0n } }
const { layout } = talliedLibrary

const many = (count: number) =>
  new Map(Array.from({ length: count }, (_, at) => [`genre ${String(at).padStart(2, '0')}`, 1n]))

const textOf = (count: number) =>
  encodeEntry(layout, '1', { ...entry, tallies: new Map([['genres', many(count)]]) })

test('an entry is shown by the names of its fields, counts and items', () => {
  const genres = new Map([
    ['epic', 3n],
    ['ode', 1n],
  ])
  const shown = { name: 'Ada', bookCount: '1', prizeCount: '0' }
  const tallied = encodeEntry(layout, '1', { ...entry, tallies: new Map([['genres', genres]]) })
  expect(shownEntry(layout, tallied)).toEqual({
    ...shown,
    genres: { epic: '3', ode: '1' },
    honours: {},
  })
  const rowless = encodeEntry(library.layout, '1', { fields: null, counts: { bookCount: -1n } })
  expect(shownEntry(library.layout, rowless)).toEqual({
    name: null,
    bookCount: '-1',
    prizeCount: '0',
  })
})

test('a number of the source is shown that no counter can be', () => {
  const counts = { bookCount: 2n ** 64n, prizeCount: 7n }
  const text = encodeEntry(library.layout, '1', { ...entry, counts })
  const shown = { name: 'Ada', bookCount: '18446744073709551616', prizeCount: '7' }
  expect(shownEntry(library.layout, text)).toEqual(shown)
  const nan = text.replace(/7$/, 'NaN')
  expect(shownEntry(library.layout, nan)).toEqual({ ...shown, prizeCount: 'NaN' })
})

test('of a long tally the first ten items are shown, and how many more there are', () => {
  const ten = Object.fromEntries([...many(10)].map(([item]) => [item, '1']))
  expect(shownEntry(layout, textOf(10)).genres).toEqual(ten)
  expect(shownEntry(layout, textOf(37)).genres).toEqual({ ...ten, '…': '27 more' })
  expect(shownEntry(layout, textOf(1_001)).genres).toBe('more items than are told at once')
})

test('items that a change gave to, items that are wrong, and a key that is none, are named', () => {
  const place = { at: 'then', partition: 'p', offset: '1', lsn: '0/1', transaction: '7' }
  const gave = [
    { row: null, amounts: { bookCount: '1', 'genres[epic]': '1', 'genres[ode]': '-1' } },
  ]
  const touch = { ...place, operation: 'update', table: 'books', gave, leftOut: null }
  const explained: Explained = {
    view: 'library',
    key: '1',
    store: 'memory',
    since: 'barrier',
    touches: [touch],
    doubts: [],
    findings: [],
    snapshot: '1:1',
    sql: null,
    verdict: 'wrong',
    differences: [{ field: 'genres[epic]', expected: '2', found: null }],
    beyond: [],
    unproved: [],
  }
  const lines = linesOf(explained)
  expect(lines).toContain('compared at snapshot 1:1: SQL had nothing')
  expect(linesOf({ ...explained, sql: { name: 'Ada', bookCount: '1' } })).toContain(
    'compared at snapshot 1:1: SQL had {"name":"Ada","bookCount":"1"}',
  )
  const noKey = 'id is a number.'
  expect(linesOf({ ...explained, noKey }).slice(0, 3)).toEqual([
    'library 1 in memory',
    'that is no key of the view: id is a number.',
    lines[1],
  ])
  expect(lines[1]).toMatch(/: bookCount \+1 genres\[epic\] \+1 genres\[ode\] -1$/)
  expect(lines.at(-1)).toBe('wrong: genres[epic] is nothing, SQL says 2')
  const beyond = [{ field: 'bookCount', expected: 'NaN', found: '0' }]
  expect(linesOf({ ...explained, beyond }).slice(-2)).toEqual([
    lines.at(-1),
    "can't be held: bookCount is 0, SQL says NaN, which no integer of 64 bits is",
  ])
})
