import { connectorProgress, Marks, type MarksParts } from '../../src/coordinate/marks.ts'
import { MillraceError } from '../../src/errors.ts'
import { lsnFromInteger } from '../../src/position.ts'
import { FakeOutside, neverArrives } from '../support/fake-outside.ts'
import { ManualClock, settled } from '../support/manual-clock.ts'

let clock: ManualClock
let outside: FakeOutside
let end: AbortController

beforeEach(() => {
  clock = new ManualClock()
  outside = new FakeOutside(clock)
  end = new AbortController()
})

function marksOf(given: Partial<MarksParts> = {}) {
  const { source, connect, markers } = outside
  const capture = connectorProgress(connect)
  return new Marks({ source, capture, markers, clock, intervalMs: 1_000, ...given })
}

const take = () => marksOf().take(end.signal)
const markedTimes = () => outside.asked.filter((each) => each === 'mark').length

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
  const marked = await clock.until(take())
  expect(marked).toMatchObject({ lsn: 1_008n })
  expect(clock.monotonicMs() - startedMs).toBe(20_000)
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
  expect(asked).toBe(3)
})

describe('a marker that the connector has passed and that has not arrived', () => {
  test('tells nothing of the source where the log was not read to its end', async () => {
    outside.arrives = neverArrives
    const unread = new MillraceError('markers-unread', 'x')
    const since: number[] = []
    outside.readThrough = async (sinceMs) => {
      since.push(sinceMs)
      throw unread
    }
    const startedMs = clock.monotonicMs()
    await expect(clock.until(take())).rejects.toBe(unread)
    expect(since).toEqual([startedMs])
  })

  test('may be what was read last', async () => {
    let isRead = false
    outside.arrives = (marker, signal) =>
      isRead ? Promise.resolve(true) : neverArrives(marker, signal)
    outside.readThrough = async () => void (isRead = true)
    expect(await clock.until(take())).toMatchObject({ lsn: 1_008n })
  })
})

test('a marker that arrives a moment after the connector has passed it is as good', async () => {
  let asked = 0
  outside.arrives = (marker, signal) => {
    asked += 1
    return asked === 2 ? Promise.resolve(true) : neverArrives(marker, signal)
  }
  expect(await clock.until(take())).toMatchObject({ lsn: 1_008n })
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

describe('a marker in a transaction of Kafka', () => {
  const committed = () => outside.asked.filter((each) => each === 'committed').length
  let markers: readonly string[]

  beforeEach(() => {
    outside.inTransaction = true
    markers = []
    const { source } = outside
    const mark = source.mark.bind(source)
    outside.source.mark = (text, next) => {
      markers = [text, next]
      return mark(text, next)
    }
  })

  test('was passed when the next one is there, and nobody asks the connector', async () => {
    const arrived: string[] = []
    outside.arrives = async (marker) => {
      arrived.push(marker)
      return true
    }
    expect(await clock.until(take())).toMatchObject({ lsn: 1_008n })
    expect(arrived).toEqual(markers)
    expect(new Set(arrived).size).toBe(2)
    expect(committed()).toBe(0)
  })

  test('whose next one does not come within a second is asked of the connector', async () => {
    outside.markers.inTransaction = (marker) => marker === markers[0]
    outside.arrives = (marker, signal) =>
      marker === markers[0] ? Promise.resolve(true) : neverArrives(marker, signal)
    const startedMs = clock.monotonicMs()
    expect(await clock.until(take())).toMatchObject({ lsn: 1_008n })
    expect(clock.monotonicMs() - startedMs).toBe(1_000)
    expect(committed()).toBe(1)
  })

  test('is asked of the connector where the next one came without one', async () => {
    outside.markers.inTransaction = (marker) => marker === markers[0]
    await clock.until(take())
    expect(committed()).toBe(1)
  })

  test.each([
    ['poll', 0],
    ['interval', 1],
    ['connector', 1],
  ])('is asked of a connector whose boundary is %s, %i times', async (boundary, times) => {
    outside.settings['transaction.boundary'] = boundary
    await clock.until(take())
    expect(committed()).toBe(times)
  })

  test('is not asked again once the next one is there, however late it comes', async () => {
    let late = true
    outside.arrives = (marker, signal) =>
      marker === markers[0] ? Promise.resolve(true) : neverArrives(marker, signal)
    outside.markers.inTransaction = (marker) => marker === markers[0] || !late
    outside.committed = () => {
      late = false
      return { commitLsn: undefined, snapshot: false }
    }
    expect(await clock.until(take())).toMatchObject({ lsn: 1_008n })
    expect(committed()).toBe(1)
  })

  test('is given up while the next one is waited for', async () => {
    outside.arrives = (marker, signal) =>
      marker === markers[0] ? Promise.resolve(true) : neverArrives(marker, signal)
    const taken = take()
    await clock.advance(100)
    end.abort()
    expect(await taken).toBeUndefined()
    expect(committed()).toBe(0)
  })
})

test.each([
  ['while the marker is waited for', { marker: false }],
  ['while the connector is behind', { marker: true }],
])('a marker is given up %s', async (_, { marker }) => {
  if (!marker) outside.arrives = neverArrives
  outside.committed = () => ({ commitLsn: undefined, snapshot: false })
  const taken = take()
  await clock.advance(50_000)
  end.abort()
  expect(await taken).toBeUndefined()
  await settled()
})

test('a marker is refused that does not come because the source has failed over', async () => {
  outside.arrives = (marker, signal) => {
    outside.history = '7/2'
    return neverArrives(marker, signal)
  }
  outside.committed = () => ({ commitLsn: undefined, snapshot: false })
  const startedMs = clock.monotonicMs()
  const taken = clock.until(take())
  await expect(taken).rejects.toMatchObject({ code: 'another-source' })
  await expect(taken).rejects.toThrow('another history (7/2, before 7/1)')
  expect(clock.monotonicMs() - startedMs).toBe(10_000)
})

test('while the connector is behind, it is seen within the same time that the source failed over', async () => {
  const startedMs = clock.monotonicMs()
  outside.committed = () => {
    if (clock.monotonicMs() - startedMs > 25_000) outside.history = '7/2'
    return { commitLsn: undefined, snapshot: false }
  }
  await expect(clock.until(take())).rejects.toMatchObject({ code: 'another-source' })
  const marks = outside.asked.filter((each) => each === 'mark').length
  expect(marks).toBeGreaterThanOrEqual(3)
  expect(marks).toBeLessThanOrEqual(5)
  expect(clock.monotonicMs() - startedMs).toBeGreaterThan(25_000)
  expect(clock.monotonicMs() - startedMs).toBeLessThan(60_000)
})

test('a fault of the source or the connector ends it', async () => {
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
  const progress = connectorProgress({ ...outside.connect, committed: async () => committed })
  expect(await progress.passed(lsnFromInteger(100n))).toBe(passed)
})

describe('who asks together', () => {
  test('is given the same marker, and who asks while it is awaited the next one', async () => {
    const arrived = Promise.withResolvers<boolean>()
    outside.arrives = () => arrived.promise
    const marks = marksOf()
    const first = [marks.take(end.signal), marks.take(end.signal)]
    await settled()
    expect(markedTimes()).toBe(1)
    const second = marks.take(end.signal)
    await clock.advance(3_000)
    expect(markedTimes()).toBe(1)
    outside.arrives = async () => true
    arrived.resolve(true)
    const [a, b] = await clock.until(Promise.all(first))
    expect(a).toBe(b)
    expect((await clock.until(second))!.lsn).toBeGreaterThan(a!.lsn)
    expect(markedTimes()).toBe(2)
  })

  test('is given markers whose beginnings are an interval apart', async () => {
    const marks = marksOf()
    const begun: number[] = []
    for (let times = 0; times < 3; times += 1) {
      begun.push((await clock.until(marks.take(end.signal)))!.begunAtMs)
    }
    expect(begun.map((ms) => ms - begun[0]!)).toEqual([0, 1_000, 2_000])
  })

  test('is given what is left of it when another one gives up', async () => {
    outside.committed = () => ({ commitLsn: undefined, snapshot: false })
    const [marks, other] = [marksOf(), new AbortController()]
    const [kept, left] = [marks.take(end.signal), marks.take(other.signal)]
    await clock.advance(500)
    other.abort()
    expect(await left).toBeUndefined()
    outside.committed = () => ({ commitLsn: lsnFromInteger(outside.lsn + 1n), snapshot: false })
    expect(await clock.until(kept)).toBeDefined()
  })

  test('ends it when all have given up, and the next one is another', async () => {
    outside.committed = () => ({ commitLsn: undefined, snapshot: false })
    const marks = marksOf()
    const [a, b] = [new AbortController(), new AbortController()]
    const taken = [marks.take(a.signal), marks.take(b.signal)]
    await settled()
    a.abort()
    b.abort()
    expect(await Promise.all(taken)).toEqual([undefined, undefined])
    await clock.advance(5_000)
    const asked = outside.asked.length
    await clock.advance(50_000)
    expect(outside.asked).toHaveLength(asked)
    outside.committed = () => ({ commitLsn: lsnFromInteger(outside.lsn + 1n), snapshot: false })
    expect(await clock.until(marks.take(end.signal))).toBeDefined()
  })

  test('and gives up before it was begun leaves nothing behind', async () => {
    const marks = marksOf()
    await clock.until(marks.take(end.signal))
    const other = new AbortController()
    const given = marks.take(other.signal)
    other.abort()
    expect(await given).toBeUndefined()
    const before = markedTimes()
    expect(await clock.until(marks.take(end.signal))).toBeDefined()
    expect(markedTimes()).toBe(before + 1)
  })

  test('is told the same fault, and the next one may come through', async () => {
    const marks = marksOf()
    const away = new MillraceError('connect-unavailable', 'x')
    outside.committed = () => {
      throw away
    }
    const taken = [marks.take(end.signal), marks.take(end.signal)]
    for (const each of taken) await expect(each).rejects.toBe(away)
    outside.committed = () => ({ commitLsn: lsnFromInteger(outside.lsn + 1n), snapshot: false })
    expect(await clock.until(marks.take(end.signal))).toBeDefined()
  })
})
