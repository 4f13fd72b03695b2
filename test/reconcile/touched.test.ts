import type { Decoded, StreamedChange } from '../../src/change.ts'
import { MillraceError } from '../../src/errors.ts'
import { touchedPage, unreadOf, type Unread } from '../../src/reconcile/touched.ts'
import { read, update } from '../support/builders.ts'
import { FakeTopics } from '../support/fake-topics.ts'
import { at, author, book, changed, decoderOfTests, library } from '../support/library.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { checkpoint, offsets } from '../store/store-fixture.ts'

const name = 't.public.books/0'
const authors = 't.public.authors/0'

const clock = new ManualClock()
let topics: FakeTopics
let stop: AbortController

beforeEach(() => {
  topics = new FakeTopics(clock)
  stop = new AbortController()
  for (const each of [name, authors]) topics.begin(each, 10)
})

afterEach(() => {
  expect(topics.open).toBe(0)
})

const write = (to: string, ...given: readonly (StreamedChange | Decoded | Error)[]) =>
  topics.append(to, ...given.map((each) => ('table' in each ? changed(each) : each)))

const whole = (): Unread =>
  new Map([name, authors].map((each) => [each, { from: at(10), to: topics.end(each) }]))

function page(unread = whole()) {
  const tableOf = (topic: string) => {
    const table = topic.split('.').at(-1)!
    return table === 'others' ? undefined : { table, decoder: decoderOfTests }
  }
  return touchedPage({ view: library, changeLog: topics, tableOf }, unread, stop.signal)
}

describe('keys that changes give to', () => {
  test('are told once, from every partition', async () => {
    write(name, book(1, 1), book(2, 1), book(3, 7))
    write(authors, author(4, 'Ada'))
    expect(await page()).toEqual({ keys: ['1', '7', '4'], records: 4, unread: new Map() })
  })

  test('are those from which something was taken as well', async () => {
    const rows = { before: { author: 3n }, after: { author: 5n } }
    write(name, update('books', { id: 1n }, rows))
    expect((await page()).keys.toSorted()).toEqual(['3', '5'])
  })

  test('are not told of rows that a snapshot read', async () => {
    const change = read('books', { id: 1n }, { author: 3n })
    write(name, { kind: 'change', change })
    expect((await page()).keys).toEqual([])
  })

  test('are those of the range alone', async () => {
    write(name, book(1, 1), book(2, 2), book(3, 3), book(4, 4))
    const unread = new Map([[name, { from: at(11), to: at(13) }]])
    expect(await page(unread)).toEqual({ keys: ['2', '3'], records: 2, unread: new Map() })
  })

  test('are not asked of what can not be understood, nor of a topic of no table', async () => {
    topics.begin('t.public.others/0', 10)
    write('t.public.others/0', book(1, 1))
    write(
      name,
      { kind: 'undecodable', reason: 'x' },
      new MillraceError('column-gone', 'x'),
      book(2, 2),
    )
    const others = ['t.public.others/0', { from: at(10), to: at(11) }] as const
    expect(await page(new Map([...whole(), others]))).toMatchObject({ keys: ['2'], records: 3 })
  })

  test('come page by page, across partitions', async () => {
    for (let id = 0; id < 12_000; id += 1) write(name, book(id, id))
    write(authors, author(99_999, 'Ada'))
    const keys = new Set<string>()
    const left: number[] = []
    let unread = whole()
    while (unread.size > 0) {
      const found = await page(unread)
      for (const key of found.keys) keys.add(key)
      unread = found.unread
      left.push(unread.size)
    }
    expect(keys.size).toBe(12_001)
    expect(left).toEqual([2, 1, 0])
  })
})

test('what retention has taken is passed over', async () => {
  write(name, book(1, 1), book(2, 2), book(3, 3))
  topics.drop(name, 12)
  expect(await page()).toEqual({ keys: ['3'], records: 1, unread: new Map() })
})

test('a log that is another one by now is passed over', async () => {
  write(name, book(1, 1))
  write(authors, author(4, 'Ada'))
  const shorter = [name, { from: at(10), to: at(15) }] as const
  expect(await page(new Map([...whole(), shorter]))).toMatchObject({ keys: ['4'] })
  topics.boundsFailure = new MillraceError('topic-missing', 'there is no such partition')
  expect(await page()).toEqual({ keys: [], records: 0, unread: new Map() })
})

test('a log that becomes another one while it is read is passed over', async () => {
  write(name, book(1, 1))
  topics.skip(name, 4)
  const unread = new Map([[name, { from: at(10), to: at(15) }]])
  topics.recordsMax = 1
  const reading = page(unread)
  topics.begin(name, 0)
  expect((await clock.until(reading)).unread.size).toBe(0)
})

test('brokers that are away are told', async () => {
  topics.boundsFailure = new MillraceError('kafka-away', 'x')
  await expect(page()).rejects.toMatchObject({ code: 'kafka-away' })
})

test('a registry that is away is told', async () => {
  write(name, new MillraceError('registry-unavailable', 'x'))
  await expect(page()).rejects.toMatchObject({ code: 'registry-unavailable' })
})

test('who gives up is told nothing', async () => {
  write(name, book(1, 1))
  stop.abort()
  await expect(page()).rejects.toMatchObject({ code: 'look-void' })
})

test('what is left of the log begins where it is said and ends with the checkpoints', () => {
  const checkpoints = new Map([
    ['a', checkpoint(9)],
    ['b', checkpoint(5)],
    ['c', checkpoint(3)],
  ])
  expect(unreadOf(offsets({ a: 4, b: 5 }), checkpoints)).toEqual(
    new Map([['a', { from: at(4), to: at(9) }]]),
  )
})
