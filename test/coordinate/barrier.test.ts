import { takeBarrier } from '../../src/coordinate/barrier.ts'
import { connectorProgress, Marks, type MarksParts } from '../../src/coordinate/marks.ts'
import { FakeOutside, topicNames } from '../support/fake-outside.ts'
import { at } from '../support/library.ts'
import { ManualClock } from '../support/manual-clock.ts'

let clock: ManualClock
let outside: FakeOutside
let end: AbortController

beforeEach(() => {
  clock = new ManualClock()
  outside = new FakeOutside(clock)
  end = new AbortController()
})

function take(given: Partial<MarksParts> = {}) {
  const { source, connect, admin, markers } = outside
  const capture = connectorProgress(connect)
  const marks = new Marks({ source, capture, markers, clock, intervalMs: 1_000, ...given })
  return takeBarrier({ marks, admin, topics: topicNames }, 7, end.signal)
}

test('a barrier takes its steps in their order, and names what each of them found', async () => {
  const marks: string[] = []
  const source = {
    mark: async (text: string, next: string) => {
      marks.push(text)
      const marked = await outside.source.mark(text, next)
      outside.grow('books', 3)
      return marked
    },
  }
  const arrived: string[] = []
  outside.arrives = async (marker) => {
    arrived.push(marker)
    return true
  }
  const [nowMs, begunAtMs] = [clock.wallMs(), clock.monotonicMs()]
  const taken = await clock.until(take({ source }))
  const ends = `ends ${topicNames.join()}`
  expect(outside.asked).toEqual([ends, 'ready', 'mark', 'arrival', 'committed', ends])
  expect(arrived).toEqual(marks)
  expect(marks[0]).toMatch(/^millrace-marker:[0-9a-f-]{36}$/)
  const read = (books: number) =>
    new Map(topicNames.map((topic) => [`${topic}/0`, at(topic.endsWith('books') ? books : 10)]))
  const barrier = {
    number: 7,
    lsn: 1_008n,
    transaction: 101n,
    snapshot: { xmin: 101n, xmax: 101n, inProgress: new Set() },
    history: '7/1',
    from: read(10),
    ends: read(13),
    takenAtMs: nowMs,
  }
  expect(taken).toEqual({ barrier, begunAtMs })
})

test('a barrier that is given up reads no ends', async () => {
  outside.committed = () => ({ commitLsn: undefined, snapshot: false })
  const taken = take()
  await clock.advance(5_000)
  end.abort()
  expect(await taken).toBeUndefined()
  expect(outside.asked.filter((each) => each.startsWith('ends'))).toHaveLength(1)
})
