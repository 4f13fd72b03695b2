import { beginOf } from '../../src/roles/explain.ts'
import { aBarrier } from '../store/store-fixture.ts'

const minuteMs = 60_000

/** Barriers that were taken so many minutes after the first one. */
const barriersAt = (...minutes: readonly number[]) =>
  minutes.map((minute, index) =>
    aBarrier('0/8', 0, { number: index + 1, takenAtMs: 1_000_000 + minute * minuteMs }),
  )

test.each([
  ['the newest one that is an hour older than the last', [0, 40, 60, 61, 119, 120], 3],
  ['the oldest one where none is so old', [0, 10, 59], 1],
  ['the only one', [5], 1],
])('what touched an entry is read from a barrier on: %s', (_, minutes, number) => {
  expect(beginOf(barriersAt(...minutes))?.number).toBe(number)
})

test('without a barrier there is none', () => {
  expect(beginOf([])).toBeUndefined()
})
