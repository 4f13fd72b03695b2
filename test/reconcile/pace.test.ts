import { fullPace, steadyPace } from '../../src/reconcile/pace.ts'
import { ManualClock } from '../support/manual-clock.ts'

/** How long the pace rests after so much. */
async function restMs(rows: number, busyMs: number, shareMax = 0.05): Promise<number> {
  const clock = new ManualClock()
  const pace = steadyPace(clock, { rowsPerSecond: 1_000, shareMax })
  const startedMs = clock.monotonicMs()
  const rest = pace.rest({ rows, busyMs }, new AbortController().signal)
  await clock.until(rest)
  return clock.monotonicMs() - startedMs
}

test.each([
  ['rows', 2_000, 0, 2_000],
  ['rows, less what it was busy', 2_000, 50, 1_950],
  ['its share of the time', 0, 10, 190],
  ['whichever is longer', 300, 10, 290],
  ['its share where that is longer', 100, 10, 190],
  ['nothing', 0, 0, 0],
])('a steady pace rests by %s', async (_, rows, busyMs, rest) => {
  expect(await restMs(rows, busyMs)).toBeCloseTo(rest)
})

test('a steady pace with all of the time rests by rows alone', async () => {
  expect(await restMs(0, 500, 1)).toBe(0)
  expect(await restMs(1_000, 500, 1)).toBe(500)
})

test('a rest ends with the signal', async () => {
  const clock = new ManualClock()
  const end = new AbortController()
  const pace = steadyPace(clock, { rowsPerSecond: 1, shareMax: 1 })
  const rest = pace.rest({ rows: 1_000, busyMs: 0 }, end.signal)
  end.abort()
  await rest
  expect(clock.waits).toEqual([])
})

test('full pace takes more at once, and never rests', async () => {
  const steady = steadyPace(new ManualClock(), { rowsPerSecond: 1, shareMax: 1 })
  expect(fullPace.keysMax).toBeGreaterThan(steady.keysMax)
  expect(fullPace.charsAhead).toBeGreaterThan(steady.charsAhead)
  await fullPace.rest({ rows: 1e9, busyMs: 1e9 }, new AbortController().signal)
})
