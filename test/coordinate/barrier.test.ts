import { connectorProgress, takeBarrier, type BarrierParts } from '../../src/coordinate/barrier.ts'
import { MillraceError } from '../../src/errors.ts'
import { lsnFromInteger } from '../../src/position.ts'
import { FakeOutside, neverArrives, topicNames } from '../support/fake-outside.ts'
import { at } from '../support/library.ts'
import { ManualClock, settled } from '../support/manual-clock.ts'

let clock: ManualClock
let outside: FakeOutside
let end: AbortController

beforeEach(() => {
  clock = new ManualClock()
  outside = new FakeOutside(clock)
  end = new AbortController()
})

function take(given: Partial<BarrierParts> = {}) {
  const { source, connect, admin, markers } = outside
  const capture = connectorProgress(connect)
  const parts = { source, capture, admin, markers, topics: topicNames, clock, ...given }
  return takeBarrier(parts, 7, { timeoutMs: 1_000, signal: end.signal })
}

test('a barrier takes its steps in their order, and names what each of them found', async () => {
  const marks: string[] = []
  const source = {
    mark: async (text: string) => {
      marks.push(text)
      const marked = await outside.source.mark(text)
      outside.grow('books', 3)
      return marked
    },
  }
  const arrived: string[] = []
  outside.arrives = async (marker) => {
    arrived.push(marker)
    return true
  }
  const nowMs = clock.wallMs()
  const barrier = await take({ source })
  const ends = `ends ${topicNames.join()}`
  expect(outside.asked).toEqual(['ready', ends, 'mark', 'arrival', 'committed', ends])
  expect(arrived).toEqual(marks)
  expect(marks[0]).toMatch(/^millrace-marker:[0-9a-f-]{36}$/)
  const read = (books: number) =>
    new Map(topicNames.map((topic) => [`${topic}/0`, at(topic.endsWith('books') ? books : 10)]))
  expect(barrier).toEqual({
    number: 7,
    lsn: 1_008n,
    transaction: 101n,
    snapshot: { xmin: 101n, xmax: 101n, inProgress: new Set() },
    history: '7/1',
    from: read(10),
    ends: read(13),
    takenAtMs: nowMs,
  })
})

test('a marker that is late is waited for, while the connector has not passed it', async () => {
  let asked = 0
  outside.arrives = (marker, signal) => {
    asked += 1
    return asked > 2 ? Promise.resolve(true) : neverArrives(marker, signal)
  }
  outside.committed = () => ({
    commitLsn: lsnFromInteger(asked > 2 ? outside.lsn + 1n : 1_008n),
    snapshot: false,
  })
  const startedMs = clock.monotonicMs()
  const barrier = await clock.until(take())
  expect(barrier).toMatchObject({ lsn: 1_008n })
  expect(clock.monotonicMs() - startedMs).toBe(2_000)
})

test('a marker that has not arrived though the connector has passed it tells of another source', async () => {
  let asked = 0
  outside.arrives = (marker, signal) => {
    asked += 1
    return neverArrives(marker, signal)
  }
  const taken = clock.until(take())
  await expect(taken).rejects.toMatchObject({ code: 'another-source', waitsForPeople: true })
  await expect(taken).rejects.toThrow('the connector has passed 0/3F0')
  expect(asked).toBe(2)
  expect(outside.asked.filter((each) => each.startsWith('ends'))).toHaveLength(1)
})

test('a marker that arrives a moment after the connector has passed it is as good', async () => {
  let asked = 0
  outside.arrives = (marker, signal) => {
    asked += 1
    return asked === 2 ? Promise.resolve(true) : neverArrives(marker, signal)
  }
  expect(await clock.until(take())).toMatchObject({ number: 7 })
})

test('the connector is asked after growing pauses until it has passed the marker', async () => {
  const askedAtMs: number[] = []
  outside.committed = () => {
    askedAtMs.push(clock.monotonicMs())
    const isBehind = askedAtMs.length < 12
    return { commitLsn: lsnFromInteger(isBehind ? 5n : outside.lsn + 1n), snapshot: false }
  }
  await clock.until(take())
  const pauses = askedAtMs.slice(1).map((ms, index) => ms - askedAtMs[index]!)
  for (const [index, pause] of pauses.entries()) {
    const ceiling = Math.min(1_000, 20 * 2 ** index)
    expect(pause).toBeGreaterThanOrEqual(ceiling / 2)
    expect(pause).toBeLessThanOrEqual(ceiling)
  }
})

test.each([
  ['while the marker is waited for', { marker: false }],
  ['while the connector is behind', { marker: true }],
])('a barrier is given up %s', async (_, { marker }) => {
  if (!marker) outside.arrives = neverArrives
  outside.committed = () => ({ commitLsn: undefined, snapshot: false })
  const taken = take()
  await clock.advance(5_000)
  end.abort()
  expect(await taken).toBeUndefined()
  await settled()
  expect(outside.asked.filter((each) => each.startsWith('ends'))).toHaveLength(1)
})

test('a barrier is refused whose marker does not come because the source has failed over', async () => {
  outside.arrives = (marker, signal) => {
    outside.history = '7/2'
    return neverArrives(marker, signal)
  }
  outside.committed = () => ({ commitLsn: undefined, snapshot: false })
  const taken = clock.until(take())
  await expect(taken).rejects.toMatchObject({ code: 'another-source' })
  await expect(taken).rejects.toThrow('another history (7/2, before 7/1)')
  expect(clock.monotonicMs()).toBe(2_000)
})

test('while the connector is behind, it is seen within the same time that the source failed over', async () => {
  const startedMs = clock.monotonicMs()
  outside.committed = () => {
    if (clock.monotonicMs() - startedMs > 2_500) outside.history = '7/2'
    return { commitLsn: undefined, snapshot: false }
  }
  await expect(clock.until(take())).rejects.toMatchObject({ code: 'another-source' })
  const marks = outside.asked.filter((each) => each === 'mark').length
  expect(marks).toBeGreaterThanOrEqual(3)
  expect(marks).toBeLessThanOrEqual(5)
  expect(clock.monotonicMs() - startedMs).toBeGreaterThan(2_500)
  expect(clock.monotonicMs() - startedMs).toBeLessThan(6_000)
})

test('a fault of the source or the connector ends the barrier', async () => {
  const away = new MillraceError('connect-unavailable', 'x')
  outside.committed = () => {
    throw away
  }
  await expect(take()).rejects.toBe(away)
})

test.each<[string, bigint | undefined, boolean, boolean]>([
  ['behind', 99n, false, false],
  ['at the position itself', 100n, false, false],
  ['beyond it', 101n, false, true],
  ['beyond it in a snapshot', 101n, true, false],
  ['without an offset', undefined, false, false],
])('a connector that is %s has passed it or not', async (_, commitLsn, snapshot, passed) => {
  const committed = {
    commitLsn: commitLsn === undefined ? undefined : lsnFromInteger(commitLsn),
    snapshot,
  }
  const progress = connectorProgress({ committed: async () => committed })
  expect(await progress.passed(lsnFromInteger(100n))).toBe(passed)
})
