import {
  completed,
  curable,
  cured,
  dayOf,
  decodePass,
  encodePass,
  lapKindFor,
  newLap,
  reaches,
  spentMs,
  type PassState,
} from '../../src/reconcile/pass-state.ts'
import { noStatistics } from '../../src/reconcile/statistics.ts'
import type { StandingDoubt, ViewState } from '../../src/store/state.ts'
import { at } from '../support/library.ts'
import { aDoubt, offsets } from '../store/store-fixture.ts'

const nowMs = Date.UTC(2026, 10, 21, 12)

const standing = (id: string, given: Partial<StandingDoubt> = {}): StandingDoubt => ({
  ...aDoubt(id),
  id,
  sinceMs: 1,
  ...given,
})

function stateOf(given: Partial<ViewState> = {}): ViewState {
  return {
    declarations: [{ id: 'd1', declaration: '{}', complete: true }],
    doubts: [],
    ...given,
  } as ViewState
}

const restart = { how: 'anew', partitions: [] } as const
const building = stateOf({ declarations: [{ id: 'd1', declaration: '{}', complete: false }] })

function pass(given: Partial<PassState> = {}): PassState {
  return { ...newLap(undefined, 'steady', stateOf(), nowMs), ...given }
}

const anchor = (number: number, from = {}) => ({ number, from: offsets(from) })

describe('a lap', () => {
  test('begins with nothing done', () => {
    expect(newLap(undefined, 'build', building, nowMs)).toEqual({
      lap: 1,
      kind: 'build',
      section: 'rows',
      after: null,
      unread: new Map(),
      anchor: null,
      since: null,
      declarations: ['d1'],
      beyond: [],
      unproved: [],
      mark: '',
      startedAtMs: nowMs,
      entries: 0,
      ended: null,
      floor: 0,
      futile: [],
      held: [],
      fullPace: { day: '', ms: 0 },
      statistics: noStatistics,
    })
  })

  test('keeps of the one before what is of more than one lap', () => {
    const kept = {
      ended: { kind: 'build', atMs: 1, tookMs: 2, entries: 3, unproved: ['books'] },
      futile: ['x'],
      held: ['y'],
      fullPace: { day: '2026-11-21', ms: 7 },
      statistics: { ...noStatistics, looks: 9 },
    } as const
    const before = pass({
      ...(kept as unknown as Partial<PassState>),
      lap: 4,
      section: 'store',
      after: '9',
      unread: new Map([['books/0', { from: 3n, to: 5n }]]) as PassState['unread'],
      anchor: anchor(3),
      since: '5',
      unproved: ['books'],
      entries: 8,
    })
    const next = newLap(before, 'doubt', stateOf(), nowMs + 1)
    expect(next).toEqual({
      ...pass(),
      ...kept,
      lap: 5,
      kind: 'doubt',
      startedAtMs: nowMs + 1,
    })
  })

  test('comes back from its text', () => {
    const whole = pass({
      anchor: anchor(3, { 'books/0': 2n ** 60n }),
      since: '4294967301',
      after: 'é"',
    })
    expect(decodePass(encodePass(whole))).toEqual(whole)
    expect(decodePass(encodePass(pass()))).toEqual(pass())
    expect(decodePass(undefined)).toBeUndefined()
    expect(() => decodePass('{}')).toThrow()
  })
})

describe('the next lap', () => {
  const kindFor = (state: ViewState, given?: Partial<PassState>, budgetMs = 100) =>
    lapKindFor(state, given && pass(given), budgetMs, nowMs)
  const doubted = stateOf({ doubts: [standing('x')] })

  test('is a steady one where all is well', () => {
    expect(kindFor(stateOf())).toBe('steady')
  })

  test('builds while any declaration is not complete, whatever is doubted', () => {
    expect(kindFor(building)).toBe('build')
    const second = { id: 'd2', declaration: '{}', complete: false }
    const declarations = [...stateOf().declarations, second]
    expect(kindFor(stateOf({ declarations, doubts: [standing('x')] }), {}, 0)).toBe('build')
  })

  test('is for a doubt that it may end', () => {
    expect(kindFor(doubted)).toBe('doubt')
    expect(kindFor(doubted, { futile: ['y'] })).toBe('doubt')
    expect(kindFor(doubted, { futile: ['x'] })).toBe('steady')
    const two = stateOf({ doubts: [standing('x'), standing('y')] })
    expect(kindFor(two, { futile: ['x'] })).toBe('doubt')
  })

  test('is a steady one once the budget of the day is spent', () => {
    const spent = (ms: number, day = '2026-11-21') => ({ fullPace: { day, ms } })
    expect(kindFor(doubted, spent(99))).toBe('doubt')
    expect(kindFor(doubted, spent(100))).toBe('steady')
    expect(kindFor(doubted, spent(100, '2026-11-20'))).toBe('doubt')
  })

  test.each<[string, Partial<StandingDoubt>]>([
    ['has to be restarted for first', { restart }],
    ['is that the set-up does not fit', { code: 'source-unfit' }],
    ['names its entries', { keys: ['1'] }],
  ])('is not for a doubt that %s', (_, given) => {
    expect(curable(stateOf({ doubts: [standing('x', given)] }))).toEqual([])
    expect(kindFor(stateOf({ doubts: [standing('x', given)] }))).toBe('steady')
    const others = [standing('x', given), standing('y', { code: 'source-was-unfit' })]
    expect(curable(stateOf({ doubts: others }))).toEqual([others[1]])
  })
})

test('a day is that of UTC, and what was spent counts on it alone', () => {
  expect(dayOf(nowMs)).toBe('2026-11-21')
  expect(dayOf(Date.UTC(2026, 10, 21, 23, 59, 59, 999))).toBe('2026-11-21')
  expect(dayOf(Date.UTC(2026, 10, 22))).toBe('2026-11-22')
  const spent = pass({ fullPace: { day: '2026-11-21', ms: 7 } })
  expect(spentMs(spent, nowMs)).toBe(7)
  expect(spentMs(spent, nowMs + 86_400_000)).toBe(0)
  expect(spentMs(undefined, nowMs)).toBe(0)
})

describe('looks reach behind a doubt', () => {
  const needed = { barrier: 5, offsets: offsets({ 'books/0': 20, 'books/1': 30 }) }
  const both = { 'books/0': 20, 'books/1': 30 }

  test.each<[string, number, Record<string, number>, boolean]>([
    ['from its barrier and its offsets on', 5, both, true],
    ['from beyond both', 6, { 'books/0': 21, 'books/1': 31, 'prizes/0': 0 }, true],
    ['not from an earlier barrier', 4, both, false],
    ['not from below an offset', 5, { ...both, 'books/1': 29 }, false],
    ['not where nothing is known of an offset', 5, { 'books/0': 20 }, false],
  ])('%s', (_, number, from, expected) => {
    expect(reaches(anchor(number, from), needed)).toBe(expected)
  })

  test('also from offset 0', () => {
    const zero = { barrier: 0, offsets: new Map([['books/0', at(0)]]) }
    expect(reaches(anchor(0, { 'books/0': 0 }), zero)).toBe(true)
    expect(reaches(anchor(0), zero)).toBe(false)
  })
})

describe('a lap that is at its end', () => {
  const state = stateOf({
    doubts: [
      standing('everything'),
      standing('books', { tables: ['books'] }),
      standing('both', { tables: ['books', 'prizes'] }),
      standing('later', { barrier: 9 }),
      standing('restart', { restart }),
      standing('keys', { keys: ['1'] }),
      standing('beyond', { offsets: offsets({ 'books/0': 11 }) }),
      standing('within', { offsets: offsets({ 'books/0': 10 }) }),
    ],
  })
  const ended = (given: Partial<PassState> = {}) =>
    cured(state, pass({ anchor: anchor(8, { 'books/0': 10 }), ...given }))

  test('has cured the doubts that its looks stand behind', () => {
    expect(ended()).toEqual(['everything', 'books', 'both', 'within'])
  })

  test('has cured none that is about what could not be told', () => {
    expect(ended({ unproved: ['prizes'] })).toEqual(['books'])
    expect(ended({ unproved: ['books'] })).toEqual([])
    expect(ended({ unproved: ['authors'] })).toEqual(['books', 'both'])
  })

  test('has cured nothing where it never looked', () => {
    expect(ended({ anchor: null })).toEqual([])
  })

  test('has completed the declarations that it knew from its beginning', () => {
    const declarations = ['d1', 'd2', 'd3'].map((id) => ({
      id,
      declaration: '{}',
      complete: id === 'd1',
    }))
    const three = stateOf({ declarations })
    const knew = (ids: readonly string[], unproved: readonly string[] = []) =>
      completed(three, pass({ declarations: [...ids], unproved: [...unproved] }))
    expect(knew(['d1', 'd2'])).toEqual(['d2'])
    expect(knew(['d1', 'd2', 'd3'])).toEqual(['d2', 'd3'])
    expect(knew(['d1', 'd2', 'd3'], ['books'])).toEqual([])
    expect(knew([])).toEqual([])
  })
})
