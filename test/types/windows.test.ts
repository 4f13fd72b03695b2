import { keyFormOf, lengthText, windowFormOf, windowSeconds } from '../../src/types/windows.ts'

const minutes5 = { seconds: 300 }
const form = windowFormOf('timestamptz', minutes5)

test.each([
  ['2026-11-21T10:18:00.123456Z', '2026-11-21T10:15:00.000000Z'],
  ['2026-11-21T10:14:59.999999Z', '2026-11-21T10:10:00.000000Z'],
  ['2026-11-21T10:15:00.000000Z', '2026-11-21T10:15:00.000000Z'],
  ['1970-01-01T00:00:00.000000Z', '1970-01-01T00:00:00.000000Z'],
  ['1969-12-31T23:59:59.999999Z', '1969-12-31T23:55:00.000000Z'],
  ['1969-12-31T23:55:00.000000Z', '1969-12-31T23:55:00.000000Z'],
  ['0001-01-01T00:00:01.000000Z', '0001-01-01T00:00:00.000000Z'],
  ['-0043-03-15T12:34:56.000000Z', '-0043-03-15T12:30:00.000000Z'],
  ['+294276-12-31T23:59:59.999999Z', '+294276-12-31T23:55:00.000000Z'],
  ['-4713-11-24T00:00:00.000000Z', '-4713-11-24T00:00:00.000000Z'],
])('%s belongs to the window of %s', (text, start) => {
  expect(form.startOf(text)).toBe(start)
})

test.each(['infinity', '-infinity', ''])('%j belongs to no window', (text) => {
  expect(form.startOf(text)).toBeUndefined()
})

test('days of windows are counted from 1970, on both sides of it', () => {
  const week = windowFormOf('date', { seconds: 7 * 86_400 })
  expect(week.startOf('1970-01-07')).toBe('1970-01-01')
  expect(week.startOf('1970-01-08')).toBe('1970-01-08')
  expect(week.startOf('1969-12-31')).toBe('1969-12-25')
  expect(week.startOf('1969-12-25')).toBe('1969-12-25')
  expect(week.startOf('infinity')).toBeUndefined()
})

test('a time whose window would begin before all that Postgres knows belongs to none', () => {
  const days10 = windowFormOf('date', { seconds: 10 * 86_400 })
  expect(days10.startOf('-4713-11-24')).toBeUndefined()
  expect(days10.startOf('-4713-12-01')).toBeUndefined()
  expect(days10.startOf('-4713-12-02')).toBe('-4713-12-02')
})

test('what moments of this century belong to is found with the same answer as of any other', () => {
  for (const seconds of [1, 7, 300, 3_600, 86_400, 7 * 86_400, 10_000 * 86_400]) {
    const windows = windowFormOf('timestamp', { seconds })
    for (let at = 0; at < 200; at += 1) {
      const since = 946_684_800 + at * 15_778_463
      const moment = new Date(since * 1_000).toISOString().slice(0, 19)
      const start = new Date((since - (since % seconds)) * 1_000).toISOString().slice(0, 19)
      expect(windows.startOf(`${moment}.999999`)).toBe(`${start}.000000`)
    }
  }
})

test.each([
  ['timestamptz', '2026-11-21T10:15:00.000000Z', true],
  ['timestamptz', '1969-12-31T23:55:00.000000Z', true],
  ['timestamptz', '2026-11-21T10:15:00Z', false],
  ['timestamptz', '2026-11-21T10:15:00.000000', false],
  ['timestamptz', '2026-11-21T10:15:00.000000+00:00', false],
  ['timestamptz', '2026-11-21T10:16:00.000000Z', false],
  ['timestamptz', '2026-11-21T10:15:00.000001Z', false],
  ['timestamptz', '2026-13-21T10:15:00.000000Z', false],
  ['timestamptz', '2026-02-30T10:15:00.000000Z', false],
  ['timestamptz', '20 things', false],
  ['timestamptz', 'infinity', false],
  ['timestamp', '2026-11-21T10:15:00.000000', true],
  ['timestamp', '2026-11-21T10:15:00.000000Z', false],
  ['timestamp', '1969-12-31T23:55:00.000000Z', false],
] as const)('of %s, whether %s is the start of a window: %s', (type, text, isStart) => {
  expect(windowFormOf(type, minutes5).isCanonical(text)).toBe(isStart)
})

test('windows end with their last microsecond or day, the last of all with time itself', () => {
  expect(form.lastOf('2026-11-21T10:15:00.000000Z')).toBe('2026-11-21T10:19:59.999999Z')
  const week = windowFormOf('date', { seconds: 7 * 86_400 })
  expect(week.lastOf('1970-01-01')).toBe('1970-01-07')
  const long = windowFormOf('timestamptz', { seconds: 10_000 * 86_400 })
  expect(long.lastOf(long.last!)).toBe('+294276-12-31T23:59:59.999999Z')
})

test('starts stand in the order of time, whatever their years', () => {
  const starts = [
    '-4713-11-24T00:00:00.000000Z',
    '-0043-03-15T12:30:00.000000Z',
    '1969-12-31T23:55:00.000000Z',
    '1999-12-31T23:55:00.000000Z',
    '2000-01-01T00:00:00.000000Z',
    '2026-11-21T10:10:00.000000Z',
    '2026-11-21T10:15:00.000000Z',
    '+12345-01-01T00:00:00.000000Z',
  ]
  for (const [i, a] of starts.entries()) {
    for (const [j, b] of starts.entries()) {
      expect(Math.sign(form.compare(a, b))).toBe(Math.sign(i - j))
    }
  }
})

test.each([
  ['1 second', 1],
  ['30 seconds', 30],
  ['5 minutes', 300],
  ['1 hour', 3_600],
  ['7 days', 604_800],
  ['10000 days', 864_000_000],
  ['10001 days', undefined],
  ['0 seconds', undefined],
  ['-5 minutes', undefined],
  ['1.5 hours', undefined],
  ['5', undefined],
  ['5 min', undefined],
  ['1 month', undefined],
  ['5  minutes', undefined],
  ['05 minutes', undefined],
])('a length of %j is %s seconds', (length, seconds) => {
  expect(windowSeconds(length)).toBe(seconds)
  if (seconds !== undefined) expect(windowSeconds(lengthText({ seconds }))).toBe(seconds)
})

test('lengths are told in the largest unit that they are whole numbers of', () => {
  expect([1, 90, 300, 3_600, 86_400, 604_800].map((seconds) => lengthText({ seconds }))).toEqual([
    '1 second',
    '90 seconds',
    '5 minutes',
    '1 hour',
    '1 day',
    '7 days',
  ])
})

test('a part without a window passes as its type does', () => {
  expect(keyFormOf({ type: 'bigint' }).isCanonical('42')).toBe(true)
  expect(() => keyFormOf({ type: 'timestamptz' })).toThrow('timestamptz is no type of keys')
  expect(() => keyFormOf({ type: 'text', window: minutes5 })).toThrow('no windows of text')
})
