import * as fc from 'fast-check'
import {
  counted,
  ninesOf,
  noStatistics,
  shownDifference,
  shownValue,
  statisticsSchema,
  type Statistics,
  type Tally,
} from '../../src/reconcile/statistics.ts'

const bucketMs = 300_000
const nowMs = 5_000 * bucketMs

const tally = (given: Partial<Tally> = {}): Tally => ({
  looks: 1,
  entries: 10,
  wrong: [],
  ...given,
})
const wrong = (key: string, healed = true, field = 'bookCount') => ({
  key,
  field,
  expected: '3',
  found: '4',
  healed,
})

describe('what looks found', () => {
  test('is summed, wrong entries each once', () => {
    const first = counted(
      noStatistics,
      tally({
        looks: 2,
        wrong: [wrong('1'), wrong('1', true, 'prizeCount'), wrong('2', false), wrong('3')],
      }),
      nowMs,
    )
    expect(first).toMatchObject({ looks: 2, entries: 10, wrong: 3, healed: 2 })
    const second = counted(first, tally({ looks: 3, entries: 5, wrong: [wrong('1')] }), nowMs)
    expect(second).toMatchObject({ looks: 5, entries: 15, wrong: 4, healed: 3 })
  })

  test('is shown with its time, counters as they are and all else as hashes', () => {
    const { latest } = counted(
      noStatistics,
      tally({
        wrong: [
          wrong('1'),
          { key: '2', field: 'name', expected: 'Ada', found: null, healed: false },
        ],
      }),
      nowMs,
    )
    expect(latest).toEqual([
      { key: '1', field: 'bookCount', expected: '3', found: '4', healed: true, atMs: nowMs },
      {
        key: '2',
        field: 'name',
        found: null,
        healed: false,
        atMs: nowMs,
        expected: expect.stringMatching(/^sha256:[0-9a-f]{16}$/),
      },
    ])
  })

  test('is shown for the newest twenty values', () => {
    const many = (from: number, count: number) =>
      Array.from({ length: count }, (_, index) => wrong(String(from + index)))
    const first = counted(noStatistics, tally({ wrong: many(0, 15) }), nowMs)
    const second = counted(first, tally({ wrong: many(15, 10) }), nowMs)
    expect(second.latest.map(({ key }) => key)).toEqual(many(5, 20).map(({ key }) => key))
    const third = counted(second, tally({ wrong: many(25, 30) }), nowMs)
    expect(third.latest.map(({ key }) => key)).toEqual(many(35, 20).map(({ key }) => key))
  })

  test('is gathered in buckets of five minutes, for a day', () => {
    const once = (before: Statistics, atMs: number, entries: number) =>
      counted(before, tally({ entries, wrong: [wrong('1')] }), atMs)
    const first = once(noStatistics, nowMs, 10)
    const same = once(first, nowMs + bucketMs - 1, 5)
    expect(same.buckets).toEqual([[5_000, 15, 2]])
    const next = once(same, nowMs + bucketMs, 7)
    expect(next.buckets).toEqual([
      [5_000, 15, 2],
      [5_001, 7, 1],
    ])
    const lastOfDay = once(next, nowMs + 287 * bucketMs, 1)
    expect(lastOfDay.buckets.map(([number]) => number)).toEqual([5_000, 5_001, 5_287])
    const dayLater = once(lastOfDay, nowMs + 288 * bucketMs, 1)
    expect(dayLater.buckets.map(([number]) => number)).toEqual([5_001, 5_287, 5_288])
  })

  test('keeps to its form', () => {
    const result = counted(noStatistics, tally({ wrong: [wrong('1')] }), nowMs)
    expect(statisticsSchema.parse(JSON.parse(JSON.stringify(result)))).toEqual(result)
    expect(noStatistics.buckets).toEqual([])
  })

  test('counts nothing twice, in whatever portions it comes', () => {
    const entries = fc.array(fc.nat(1_000), { maxLength: 10 })
    fc.assert(
      fc.property(entries, (portions) => {
        const all = portions.reduce(
          (sum, each) => counted(sum, tally({ entries: each }), nowMs),
          noStatistics,
        )
        const total = portions.reduce((sum, each) => sum + each, 0)
        expect(all).toMatchObject({ entries: total, looks: portions.length })
        expect(all.buckets).toEqual(portions.length === 0 ? [] : [[5_000, total, 0]])
      }),
    )
  })
})

describe('consistency in nines', () => {
  const of = (buckets: Statistics['buckets']) => ninesOf({ ...noStatistics, buckets }, nowMs)

  test('is that of one wrong entry in so many', () => {
    expect(of([[5_000, 1_000, 1]])).toEqual({ hour: 3, day: 3 })
    expect(of([[5_000, 100, 1]])).toEqual({ hour: 2, day: 2 })
    expect(of([[5_000, 1_000, 500]])).toEqual({ hour: 0.3, day: 0.3 })
    expect(of([[5_000, 10, 10]])).toEqual({ hour: -0, day: -0 })
  })

  test('is at most what the number of entries can tell', () => {
    expect(of([[5_000, 500, 0]])).toEqual({ hour: 3, day: 3 })
    expect(of([[5_000, 50_000, 0]])).toEqual({ hour: 5, day: 5 })
  })

  test('is unknown where nothing was looked at', () => {
    expect(of([])).toEqual({ hour: undefined, day: undefined })
    expect(of([[4_900, 100, 1]])).toEqual({ hour: undefined, day: 2 })
  })

  test('is that of the last hour, and of the last day', () => {
    expect(of([[4_989, 1_000, 1]]).hour).toBe(3)
    expect(of([[4_988, 1_000, 1]]).hour).toBeUndefined()
    expect(of([[4_713, 1_000, 1]]).day).toBe(3)
    expect(of([[4_712, 1_000, 1]]).day).toBeUndefined()
    const both = of([
      [4_900, 1_000, 9],
      [5_000, 1_000, 1],
    ])
    expect(both).toEqual({ hour: 3, day: 2.3 })
  })
})

test.each([
  ['bookCount', '-12', '-12'],
  ['bookCount', '9223372036854775807', '9223372036854775807'],
  ['*', 'a row', 'a row'],
  ['name', null, null],
])('of %s the value %p may be shown', (field, value, shown) => {
  expect(shownValue(field, value)).toBe(shown)
})

test.each(['Ada', '', '12 ', ' 12', '--1', '12345678901234567890', '1.5'])(
  'of a text nothing is shown but a hash: %p',
  (value) => {
    const shown = shownValue('name', value)
    expect(shown).toMatch(/^sha256:[0-9a-f]{16}$/)
    expect(shownValue('name', value)).toBe(shown)
    expect(shownValue('name', `${value}x`)).not.toBe(shown)
  },
)

test('a difference is shown without what its items are, but numbers', () => {
  const of = { key: '1', field: 'genres', expected: '2', found: null }
  expect(shownDifference({ ...of, item: '42' }).field).toBe('genres[42]')
  expect(shownDifference({ ...of, more: 980 }).field).toBe('genres[980 more]')
  const { field, expected } = shownDifference({ ...of, item: 'a secret' })
  expect(field).toMatch(/^genres\[sha256:[0-9a-f]{16}\]$/)
  expect(expected).toBe('2')
})
