import { linesOf, shortened, type Explained } from '../../src/roles/explained.ts'
import { encodeEntry } from '../../src/store/entry-text.ts'
import { library, talliedLibrary } from '../support/library.ts'

const entry = { fields: { name: 'Ada' }, counts: { bookCount: 1n, prizeCount: 0n } }
const { layout } = talliedLibrary

const many = (count: number) =>
  new Map(Array.from({ length: count }, (_, at) => [`genre ${String(at).padStart(2, '0')}`, 1n]))

const textOf = (count: number) =>
  encodeEntry(layout, '1', { ...entry, tallies: new Map([['genres', many(count)]]) })

test('of a long tally the first ten cells are shown, and how many more there are', () => {
  expect(shortened(layout, '1', textOf(10))).toBe(textOf(10))
  expect(shortened(layout, '1', textOf(37))).toBe(`${textOf(10)} and 27 more items`)
  const large = textOf(1_001)
  expect(shortened(layout, '1', large)).toBe(large)
  const plain = encodeEntry(library.layout, '1', entry)
  expect(shortened(library.layout, '1', plain)).toBe(plain)
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
    unproved: [],
  }
  const lines = linesOf(explained)
  const noKey = 'id is a number.'
  expect(linesOf({ ...explained, noKey }).slice(0, 3)).toEqual([
    'library 1 in memory',
    'that is no key of the view: id is a number.',
    lines[1],
  ])
  expect(lines[1]).toMatch(/: bookCount \+1 genres\[epic\] \+1 genres\[ode\] -1$/)
  expect(lines.at(-1)).toBe('wrong: genres[epic] is nothing, SQL says 2')
})
