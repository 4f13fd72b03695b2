import { Durations, percentile } from '../../src/bench/percentiles.ts'

test('a percentile is the smallest value that so many do not exceed', () => {
  const hundred = Float64Array.from({ length: 100 }, (_, index) => index + 1)
  expect([50, 95, 99, 100].map((rank) => percentile(hundred, rank))).toEqual([50, 95, 99, 100])
  expect(percentile(Float64Array.of(7), 50)).toBe(7)
})

test('durations are summed up in a line', () => {
  const durations = new Durations()
  expect(durations.summary()).toBe('nothing measured')
  for (const ms of [3, 1, 2]) durations.add(ms)
  expect(durations.summary()).toBe('min 1.0, p50 2.0, p95 3.0, p99 3.0, max 3.0 ms')
  expect(durations.summary(0)).toBe('min 1, p50 2, p95 3, p99 3, max 3 ms')
  expect([50, 99].map((rank) => durations.at(rank))).toEqual([2, 3])
})
