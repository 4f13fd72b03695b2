import type { Decoded, StreamedChange } from '../../src/change.ts'
import { MillraceError } from '../../src/errors.ts'
import { gatherUnseen, type Reading } from '../../src/reconcile/unseen.ts'
import type { Decoder } from '../../src/decode/decoder.ts'
import { parseSnapshot } from '../../src/transaction.ts'
import { insert, read, remove, update } from '../support/builders.ts'
import { FakeTopics } from '../support/fake-topics.ts'
import {
  at,
  author,
  book,
  changed,
  decoderOfTests,
  library,
  talliedLibrary,
} from '../support/library.ts'
import { ManualClock, settled } from '../support/manual-clock.ts'
import { checkpoint, offsets } from '../store/store-fixture.ts'

const name = 't.public.books/0'
const authors = 't.public.authors/0'
const tables: Readonly<Record<string, string>> = {
  't.public.books': 'books',
  't.public.authors': 'authors',
}

const clock = new ManualClock()
let topics: FakeTopics
let decoder: Decoder

beforeEach(() => {
  topics = new FakeTopics(clock)
  topics.begin(name, 10)
  topics.begin(authors, 10)
  decoder = decoderOfTests
})

afterEach(() => {
  expect(topics.open).toBe(0)
})

type Given = {
  readonly keys?: readonly string[]
  readonly snapshot?: string
  readonly anchor?: Readonly<Record<string, number>>
  readonly next?: Readonly<Record<string, number>>
}

/** Of entry 1 between offsets 10 and 20 of the books, by a snapshot that sees all below 500. */
function reading({ keys = ['1'], snapshot = '500:500:', anchor, next }: Given = {}): Reading {
  const standing = Object.entries(next ?? { [name]: 20 })
  return {
    snapshot: parseSnapshot(snapshot),
    anchor: offsets(anchor ?? { [name]: 10 }),
    checkpoints: new Map(standing.map(([each, value]) => [each, checkpoint(value)])),
    keys,
    unseen: new Map(),
    unproved: new Set(),
  }
}

type Written = StreamedChange | Decoded | Error | Promise<Decoded>

/** Writes what is given from offset 10 on, and control records up to offset 20. */
function written(...decoded: readonly Written[]): void {
  topics.append(name, ...decoded.map((each) => ('table' in each ? changed(each) : each)))
  topics.skip(name, 20 - Number(topics.end(name)))
}

async function gather(...readings: readonly Reading[]): Promise<void> {
  const tableOf = (topic: string) => {
    const table = tables[topic]
    return table === undefined ? undefined : { table, decoder }
  }
  const parts = { view: library, changeLog: topics, tableOf }
  await gatherUnseen(parts, readings, new AbortController().signal)
}

/** What `bookCount` has to change by, by entry. */
function booksOf({ unseen }: Reading) {
  return Object.fromEntries([...unseen].map(([key, { add }]) => [key, add['bookCount']]))
}

const seen = 499
const later = 500

describe('what the snapshot does not see', () => {
  test('is summed, what it sees is not', async () => {
    written(book(1, 1, later), book(2, 1, seen), book(3, 1, later + 7))
    const one = reading()
    await gather(one)
    expect(booksOf(one)).toEqual({ 1: 2n })
    expect(one.unseen.get('1')).toEqual({ entry: '1', put: undefined, add: { bookCount: 2n } })
    expect(one.unproved.size).toBe(0)
  })

  test('is that of transactions that were open', async () => {
    written(book(1, 1, 480), book(2, 1, 481))
    const one = reading({ snapshot: '480:500:480' })
    await gather(one)
    expect(booksOf(one)).toEqual({ 1: 1n })
  })

  test('begins at the anchor and ends before the checkpoint', async () => {
    written(book(1, 1), book(2, 1), book(3, 1), book(4, 1), book(5, 1))
    const one = reading({ anchor: { [name]: 11 }, next: { [name]: 13 } })
    await gather(one)
    expect(booksOf(one)).toEqual({ 1: 2n })
  })

  test('is gathered for the entries that are looked at alone', async () => {
    written(book(1, 1), book(2, 2), book(3, 3))
    const one = reading({ keys: ['1', '3'] })
    await gather(one)
    expect(booksOf(one)).toEqual({ 1: 1n, 3: 1n })
  })

  test('counts once, however often it stands in the log', async () => {
    written(book(1, 1), book(2, 1), book(1, 1), book(2, 1))
    const one = reading()
    await gather(one)
    expect(booksOf(one)).toEqual({ 1: 2n })
  })

  test('counts at each entry that a change is about, repeated or not', async () => {
    const moved = update(
      'books',
      { id: 1n },
      { before: { author: 1n }, after: { author: 2n } },
      { transaction: later },
    )
    written(moved, moved)
    const one = reading({ keys: ['1', '2'] })
    await gather(one)
    expect(booksOf(one)).toEqual({ 1: -1n, 2: 1n })
  })

  test('comes from every table, the last row put in', async () => {
    written(book(1, 1))
    const rows = { before: { id: 1n }, after: { id: 1n, name: 'Ada L.' } }
    const renamed = update('authors', { id: 1n }, rows, { transaction: later, lsn: 2n })
    topics.append(authors, changed(author(1, 'Ada')), changed(renamed))
    const one = reading({
      anchor: { [name]: 10, [authors]: 10 },
      next: { [name]: 20, [authors]: 12 },
    })
    await gather(one)
    expect(one.unseen.get('1')).toEqual({
      entry: '1',
      put: { name: 'Ada L.' },
      add: { bookCount: 1n },
    })
  })

  test('is found where records are decoded later', async () => {
    written(Promise.resolve(changed(book(1, 1))), book(2, 1))
    const one = reading()
    await gather(one)
    expect(booksOf(one)).toEqual({ 1: 2n })
  })

  test('is nothing in tombstones and in rows of a snapshot of the connector', async () => {
    const row = read('books', { id: 1n }, { author: 1n })
    written({ kind: 'tombstone' }, { kind: 'change', change: row })
    const one = reading()
    await gather(one)
    expect(booksOf(one)).toEqual({})
    expect(one.unproved.size).toBe(0)
  })
})

describe('several readings', () => {
  test('are served by one reading of the log, each by its own snapshot, anchor and checkpoint', async () => {
    written(book(1, 1, 490), book(2, 2, 490), book(3, 1, 510), book(4, 2, 510), book(5, 1, 510))
    const one = reading({ keys: ['1'], snapshot: '485:485:', next: { [name]: 14 } })
    const two = reading({ keys: ['2'], anchor: { [name]: 13 } })
    const none = reading({ keys: ['3'], snapshot: '600:600:', anchor: { [name]: 12 } })
    await gather(one, two, none)
    expect(booksOf(one)).toEqual({ 1: 2n })
    expect(booksOf(two)).toEqual({ 2: 1n })
    expect(booksOf(none)).toEqual({})
    expect(topics.seeks).toEqual([`${name} 10`])
  })

  test('read as far back and as far on as any of them needs', async () => {
    written(book(1, 1), book(2, 2), book(3, 3), book(4, 4))
    const readings = [
      reading({ keys: ['2'], anchor: { [name]: 11 }, next: { [name]: 12 } }),
      reading({ keys: ['4'], anchor: { [name]: 12 }, next: { [name]: 14 } }),
      reading({ keys: ['1'], anchor: { [name]: 10 }, next: { [name]: 11 } }),
      reading({ keys: ['3'], anchor: { [name]: 11 }, next: { [name]: 13 } }),
    ]
    await gather(...readings)
    expect(readings.map(booksOf)).toEqual([{ 2: 1n }, { 4: 1n }, { 1: 1n }, { 3: 1n }])
  })

  test('have nothing of a partition without an anchor or a checkpoint of their own', async () => {
    written(book(1, 1), book(2, 2), book(3, 3))
    const [one, two, three] = [
      reading(),
      reading({ keys: ['2'], anchor: {} }),
      reading({ keys: ['3'], next: {} }),
    ]
    await gather(one, two, three)
    expect([one, two, three].map(booksOf)).toEqual([{ 1: 1n }, {}, {}])
  })

  test('read nothing of a partition whose checkpoint stands at the anchor, or without an anchor', async () => {
    written(book(1, 1))
    const still = reading({ anchor: { [name]: 20 } })
    const unknown = reading({ anchor: {} })
    await gather(still, unknown)
    expect(topics.seeks).toEqual([])
    expect([booksOf(still), booksOf(unknown)]).toEqual([{}, {}])
  })
})

test('a topic of no table of the view is not read', async () => {
  topics.begin('t.public.loans/0', 10)
  topics.append('t.public.loans/0', changed(book(1, 1)))
  const one = reading({ anchor: { 't.public.loans/0': 10 }, next: { 't.public.loans/0': 11 } })
  await gather(one)
  expect(topics.asked).toBe(0)
})

describe('nothing can be told of a table', () => {
  const unprovedBy = async (...decoded: readonly Written[]) => {
    written(...decoded)
    const [one, notSeeing, before, beyond] = [
      reading(),
      reading({ keys: ['2'], snapshot: '450:450:' }),
      reading({ keys: ['3'], anchor: { [name]: 11 } }),
      reading({ keys: ['4'], next: { [name]: 10 } }),
    ]
    await gather(one, notSeeing, before, beyond)
    expect([...before.unproved, ...beyond.unproved]).toEqual([])
    return [[...one.unproved], [...notSeeing.unproved]]
  }

  test('by those who read a record that does not decode', async () => {
    expect(await unprovedBy({ kind: 'undecodable', reason: 'bytes' })).toEqual([
      ['books'],
      ['books'],
    ])
  })

  test('by those who do not see the transaction of a record that is unusable', async () => {
    const unusable = { kind: 'unusable', reason: 'no earlier values' } as const
    expect(await unprovedBy({ ...unusable, transaction: 470 })).toEqual([[], ['books']])
  })

  test('by all who read an unusable record that does not name its transaction', async () => {
    const unusable = { kind: 'unusable', reason: 'no earlier values' } as const
    expect(await unprovedBy({ ...unusable, transaction: undefined })).toEqual([
      ['books'],
      ['books'],
    ])
  })

  test('by those who do not see a change that lacks what a retract needs', async () => {
    const lacking = remove('books', { id: 1n }, undefined, { transaction: 470 })
    expect(await unprovedBy(lacking)).toEqual([[], ['books']])
  })

  test('where a record stops its partition', async () => {
    expect(await unprovedBy(new MillraceError('column-gone', 'it is gone'))).toEqual([
      ['books'],
      ['books'],
    ])
  })

  test('where a record that is decoded later stops its partition', async () => {
    const failing = Promise.reject<Decoded>(new MillraceError('column-gone', 'it is gone'))
    expect(await unprovedBy(failing)).toEqual([['books'], ['books']])
  })

  test('and what other records of it give is gathered all the same', async () => {
    written({ kind: 'undecodable', reason: 'bytes' }, book(1, 1))
    const one = reading()
    await gather(one)
    expect(booksOf(one)).toEqual({ 1: 1n })
  })
})

describe('gathering fails', () => {
  test.each([
    ['while the registry is away', new MillraceError('registry-unavailable', 'away')],
    ['on a bug', new Error('a bug')],
  ])('%s, whether records are decoded now or later', async (_, error) => {
    written(error)
    await expect(gather(reading())).rejects.toBe(error)
    topics.begin(name, 10)
    written(Promise.reject<Decoded>(error))
    await expect(gather(reading())).rejects.toBe(error)
  })

  test('where the log ends before the checkpoint', async () => {
    topics.append(name, changed(book(1, 1)))
    const gathering = gather(reading())
    await expect(clock.until(gathering)).rejects.toMatchObject({
      code: 'look-void',
      message: 'the log ends at 11, before 20',
    })
  })

  test('where the log ends before its checkpoint, and holds nothing', async () => {
    await expect(clock.until(gather(reading()))).rejects.toMatchObject({
      code: 'look-void',
      message: 'the log ends at 10, before 20',
    })
  })

  test('when it is given up', async () => {
    const end = new AbortController()
    written(book(1, 1))
    const reader = topics.reader.bind(topics)
    topics.reader = (partition, lost) => ({
      ...reader(partition, lost),
      next: () =>
        new Promise((resolve) => {
          lost.addEventListener('abort', () => resolve(undefined), { once: true })
        }),
    })
    const tableOf = () => ({ table: 'books', decoder })
    const parts = { view: library, changeLog: topics, tableOf }
    const gathering = gatherUnseen(parts, [reading()], end.signal)
    const failure = gathering.catch((error: unknown) => error)
    await settled()
    end.abort()
    expect(await failure).toMatchObject({ code: 'look-void', message: 'the look was given up' })
  })
})

describe('what changes give to a tally', () => {
  const written2 = () => {
    const of = (id: number, genre: string) =>
      insert('books', { id: BigInt(id) }, { author: 1n, genre }, { transaction: later })
    const moved = { before: { author: 1n, genre: 'ode' }, after: { author: 1n, genre: 'epic' } }
    written(of(1, 'epic'), of(2, 'ode'), update('books', { id: 2n }, moved, { transaction: later }))
  }
  const gatherTallied = (...readings: readonly Reading[]) => {
    const tableOf = () => ({ table: 'books', decoder })
    const parts = { view: talliedLibrary, changeLog: topics, tableOf }
    return gatherUnseen(parts, readings, new AbortController().signal)
  }

  test('is gathered by item, and what cancels out is nothing', async () => {
    written2()
    const one = reading()
    await gatherTallied(one)
    const { add, cells } = one.unseen.get('1')!
    expect([add, cells]).toEqual([
      { bookCount: 2n },
      new Map([['genres', new Map([['epic', 2n]])]]),
    ])
  })

  test('is gathered for the items that are looked at alone, for each look at them', async () => {
    written2()
    const of = (tally: string, ...among: string[]): Reading => ({
      ...reading(),
      items: { tally, among: new Set(among) },
    })
    const readings = [of('genres', 'ode'), of('genres', 'epic'), of('honours', 'epic')]
    await gatherTallied(...readings)
    expect(readings.map(({ unseen }) => unseen.get('1'))).toEqual([
      undefined,
      {
        entry: '1',
        put: undefined,
        add: {},
        cells: new Map([['genres', new Map([['epic', 2n]])]]),
      },
      undefined,
    ])
  })
})

test('where the log ends is asked only when nothing comes from it', async () => {
  written(book(1, 1), book(2, 1), book(3, 1))
  topics.recordsMax = 1
  topics.boundsFailure = new MillraceError('kafka-away', 'away')
  const one = reading()
  await gather(one)
  expect(booksOf(one)).toEqual({ 1: 3n })
})

test('a log from which nothing comes for a moment is waited for', async () => {
  topics.append(name, changed(book(1, 1)))
  topics.skip(name, 9)
  const reader = topics.reader.bind(topics)
  let held = 2
  topics.reader = (partition, lost) => {
    const inner = reader(partition, lost)
    return {
      ...inner,
      next: (timeoutMs) => {
        held -= 1
        return held < 0 ? inner.next(timeoutMs) : Promise.resolve(undefined)
      },
    }
  }
  const one = reading()
  await gather(one)
  expect(booksOf(one)).toEqual({ 1: 1n })
  expect(topics.end(name)).toBe(at(20))
})
