import { belowBound, boundOf, boundText, stepOf } from '../src/keep.ts'
import type { KeyPart } from '../src/types/windows.ts'
import { dayKey, dayStart } from './support/library-days.ts'

const days: KeyPart = { type: 'timestamptz', window: { seconds: 86_400 } }
const plain: KeyPart = { type: 'timestamp', window: { seconds: 300 } }
const date: KeyPart = { type: 'date' }
const user: KeyPart = { type: 'bigint' }

test.each([
  [days, '2026-11-02T00:00:00Z', '2026-11-02T00:00:00.000000Z'],
  [plain, '1969-12-31T23:55:00Z', '1969-12-31T23:55:00.000000'],
  [date, '1969-12-31T00:00:00Z', '1969-12-31'],
])('a bound is a value of the part that is a time: %j %s', (part, moment, text) => {
  expect(boundText(part, Date.parse(moment) / 1_000)).toBe(text)
})

test('the bound is the oldest window of which something is to be kept', () => {
  const view = { key: [user, days], keep: 86_400 }
  const at = (moment: string) => boundOf(view, Date.parse(moment))
  expect(at('2026-11-03T00:00:00Z')).toBe(dayStart('2026-11-02'))
  expect(at('2026-11-02T23:59:59.999Z')).toBe(dayStart('2026-11-01'))
  expect(at('1969-12-31T12:00:00Z')).toBe(dayStart('1969-12-30'))
  expect(boundOf({ key: [user, days] }, 0)).toBeUndefined()
  expect(boundOf({ key: [user], keep: 5 }, 0)).toBeUndefined()
  expect([days, plain, date].map(stepOf)).toEqual([86_400, 300, 86_400])
})

test('entries are below a bound by their time alone', () => {
  const isBelow = belowBound([user, days], dayStart('2026-11-02'))
  const keys = ['2026-11-01', '1850-01-01', '2026-11-02', '2026-11-03'].map((day) => dayKey(1, day))
  expect(keys.map(isBelow)).toEqual([true, true, false, false])
  expect(keys.toReversed().map(isBelow)).toEqual([false, false, true, true])
  expect([dayKey(9, '2026-11-01'), '1', '1:2026-11-01', 'x:y:z', ''].map(isBelow)).toEqual([
    true,
    false,
    false,
    false,
    false,
  ])
})

test('nothing is below no bound, nor where no part of the key is a time', () => {
  expect(belowBound([user, days], undefined)(dayKey(1, '1850-01-01'))).toBe(false)
  expect(belowBound([user], 1e9)('1')).toBe(false)
})
