import { draft, type BatchInput, type BatchParts, type DecodedRecord } from '../src/batch.ts'
import { identityOf, type Change, type Decoded } from '../src/change.ts'
import { IdentityWindow } from '../src/consume/identity-window.ts'
import { hashOf } from '../src/consume/record-identity.ts'
import { limits } from '../src/store/limits.ts'
import type { Barrier, Checkpoint } from '../src/store/state.ts'
import { parseSnapshot } from '../src/transaction.ts'
import { insert, read, remove, update } from './support/builders.ts'
import { at, author, book, changed, library, recordOf } from './support/library.ts'
import { aBarrier, checkpoint, elsewhere, offsets } from './store/store-fixture.ts'

const partition = { topic: 't.public.books', partition: 1 }
const name = 't.public.books/1'

function partsOf(given: Partial<BatchParts> = {}): BatchParts {
  return {
    view: library,
    table: 'books',
    epoch: elsewhere,
    partition,
    identities: new IdentityWindow(10_000),
    barriers: () => [],
    keepFrom: () => undefined,
    ...given,
  }
}

/** Records from offset 10 on, one an offset. */
function recordsOf(...decoded: readonly Decoded[]): DecodedRecord[] {
  return decoded.map((each, index) => ({
    record: recordOf(10 + index, each),
    decoded: each,
    keySchema: undefined,
  }))
}

function inputOf(records: readonly DecodedRecord[], given: Partial<BatchInput> = {}): BatchInput {
  return { records, next: at(10 + records.length), nowMs: 5_000, ...given }
}

const ten = checkpoint(10)

/** The commit of changes that stand from offset 10 on. */
function commitOf(changes: readonly Change[], given: Partial<BatchParts> = {}, from = ten) {
  const records = recordsOf(...changes.map((change) => ({ kind: 'change', change }) as const))
  return draft(partsOf(given), from, inputOf(records)).commit
}

function add(entry: string, bookCount: bigint) {
  return { entry, put: undefined, add: { bookCount } }
}

function doubtOf(code: string, offset: number, reason: string) {
  return {
    name: `${code} ${name}`,
    code,
    reason: `${name} offset ${offset}: ${reason}`,
    hint: undefined,
    tables: ['books'],
    keys: [],
    offsets: new Map([[name, at(offset + 1)]]),
    barrier: 0,
    restart: undefined,
  }
}

describe('a batch', () => {
  test('becomes one commit of the merged contributions', () => {
    const moved = update(
      'books',
      { id: 2n },
      { before: { author: 1n }, after: { author: 2n } },
      { lsn: 2n },
    )
    const records = recordsOf(changed(book(1, 1)), changed(book(2, 1)), changed(moved))
    const { commit, taken } = draft(partsOf(), ten, inputOf(records, { next: at(19) }))
    expect(taken).toBe(3)
    expect(commit).toEqual({
      epoch: elsewhere,
      partition,
      from: at(10),
      to: {
        next: at(19),
        last: hashOf(records[2]!.record, false),
        windowFrom: at(0),
        keySchema: undefined,
      },
      mutations: [add('1', 1n), add('2', 1n)],
      parked: [],
      doubts: [],
    })
  })

  test('of no records moves the checkpoint alone', () => {
    const last = { offset: at(3), hash: 'h' }
    const { commit, taken } = draft(
      partsOf(),
      checkpoint(10, { last, keySchema: 4 }),
      inputOf([], { next: at(12) }),
    )
    expect(taken).toBe(0)
    expect(commit).toMatchObject({ from: at(10), mutations: [], parked: [], doubts: [] })
    expect(commit.to).toEqual({ next: at(12), last, windowFrom: at(0), keySchema: 4 })
  })

  test.each<[string, Decoded, boolean]>([
    ['an insert', changed(book(1, 1)), false],
    ['a delete', changed(remove('books', { id: 1n }, { author: 1n })), true],
    ['a tombstone', { kind: 'tombstone' }, true],
    ['an undecodable record', { kind: 'undecodable', reason: 'x' }, false],
    ['an unusable one', { kind: 'unusable', reason: 'x', transaction: undefined }, false],
  ])('names its last record, and whether it may be gone later: %s', (_, decoded, emptied) => {
    const records = recordsOf(changed(book(7, 7)), decoded)
    const { commit } = draft(partsOf(), ten, inputOf(records))
    expect(commit.to.last).toEqual(hashOf(records[1]!.record, emptied))
  })
})

describe('a record', () => {
  test('that is a tombstone gives nothing', () => {
    const { commit } = draft(partsOf(), ten, inputOf(recordsOf({ kind: 'tombstone' })))
    expect(commit).toMatchObject({ mutations: [], parked: [], doubts: [] })
  })

  test('that can not be decoded is parked, with a doubt about its table', () => {
    const [first, second] = recordsOf(
      { kind: 'undecodable', reason: 'no Avro' },
      { kind: 'undecodable', reason: 'cut short' },
    )
    const { commit } = draft(partsOf(), ten, inputOf([first!, second!]))
    const parked = (each: DecodedRecord, reason: string) => {
      const { offset, timestampMs, key, value } = each.record
      return { partition, offset, timestampMs, parkedAtMs: 5_000, key, value, reason }
    }
    expect(commit.parked).toEqual([parked(first!, 'no Avro'), parked(second!, 'cut short')])
    expect(commit.doubts).toEqual([doubtOf('undecodable-record', 11, 'cut short')])
    expect(commit.mutations).toEqual([])
  })

  test('that is unusable is a doubt about its table', () => {
    const unusable = { kind: 'unusable', reason: 'TRUNCATE of books', transaction: 3 } as const
    const { commit } = draft(partsOf(), ten, inputOf(recordsOf(unusable, changed(book(1, 1)))))
    expect(commit.doubts).toEqual([doubtOf('unusable-change', 10, 'TRUNCATE of books')])
    expect(commit.mutations).toEqual([add('1', 1n)])
  })

  test('that lacks what the fold needs is a doubt as well', () => {
    const commit = commitOf([remove('books', { id: 1n })])
    const reason =
      'delete of books came without the earlier value of author, which view library needs: ' +
      "the table's replica identity did not give it"
    expect(commit.doubts).toEqual([doubtOf('unusable-change', 10, reason)])
    expect(commit.mutations).toEqual([])
  })

  test('of a late snapshot is a doubt about every table, and gives nothing', () => {
    const commit = commitOf([read('books', { id: 1n }, { author: 1n })])
    const reason =
      'the connector has read the source anew, so deletes before that may never have been captured'
    expect(commit.doubts).toEqual([{ ...doubtOf('late-snapshot', 10, reason), tables: [] }])
    expect(commit.mutations).toEqual([])
    expect(commit.to).toMatchObject({ next: at(11), last: { offset: at(10) } })
  })

  test('of an incremental snapshot gives nothing, and no doubt', () => {
    const commit = commitOf([read('books', { id: 1n }, { author: 1n }, true)])
    expect(commit).toMatchObject({ mutations: [], doubts: [] })
  })

  test('of each kind may raise a doubt of its own', () => {
    const commit = commitOf([remove('books', { id: 1n }), read('books', { id: 1n }, {})])
    expect(commit.doubts.map((doubt) => doubt.name)).toEqual([
      `unusable-change ${name}`,
      `late-snapshot ${name}`,
    ])
  })
})

describe('the schema of keys', () => {
  const keyed = (...ids: readonly (number | undefined)[]) =>
    recordsOf(...ids.map((_, index) => changed(book(index, 1)))).map((record, index) => ({
      ...record,
      keySchema: ids[index],
    }))
  const commitBy = (known: number | undefined, ...ids: readonly (number | undefined)[]) =>
    draft(partsOf(), checkpoint(10, { keySchema: known }), inputOf(keyed(...ids))).commit

  test('is noted with the first key', () => {
    const commit = commitBy(undefined, undefined, 5, 5, undefined)
    expect(commit.to.keySchema).toBe(5)
    expect(commit.doubts).toEqual([])
  })

  test('is a doubt where it is a second one, and the new one is known then', () => {
    const commit = commitBy(5, 5, 6, 6)
    expect(commit.to.keySchema).toBe(6)
    const reason = 'topic t.public.books holds keys of two schemas (ids 5 and 6)'
    expect(commit.doubts).toEqual([doubtOf('second-key-schema', 11, reason)])
    expect(commit.mutations).toEqual([add('1', 3n)])
  })

  test('of what is no change tells nothing', () => {
    const record = { ...recordsOf({ kind: 'tombstone' })[0]!, keySchema: 9 }
    const { commit } = draft(partsOf(), checkpoint(10, { keySchema: 5 }), inputOf([record]))
    expect(commit).toMatchObject({ to: { keySchema: 5 }, doubts: [] })
  })
})

describe('a change that comes again', () => {
  test('is applied once within the window', () => {
    const identities = new IdentityWindow(10)
    identities.admit(identityOf(book(1, 1)), at(3))
    const commit = commitOf([book(1, 1), book(2, 1), book(2, 1)], { identities })
    expect(commit.mutations).toEqual([add('1', 1n)])
    expect(commit.doubts).toEqual([])
    expect(commit.to).toMatchObject({ next: at(13), last: { offset: at(12) } })
  })

  test('that could not be used the first time is a doubt once', () => {
    const commit = commitOf([remove('books', { id: 1n }), remove('books', { id: 1n })])
    expect(commit.doubts.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('offset 10'),
    ])
  })

  test('is remembered where it stands', () => {
    const identities = new IdentityWindow(10)
    commitOf([book(1, 1), book(2, 1)], { identities })
    identities.moveTo(at(11))
    expect(identities.admit(identityOf(book(2, 1)), at(50))).toBe(false)
    expect(identities.admit(identityOf(book(1, 1)), at(50))).toBe(true)
  })

  test('beyond more than are remembered stops the partition', () => {
    const identities = new IdentityWindow(1)
    expect(() => commitOf([book(1, 1), book(2, 1)], { identities })).toThrow(
      expect.objectContaining({ code: 'window-full' }),
    )
  })
})

describe('a barrier', () => {
  const barrier = (number: number, ends: number | undefined, given: Partial<Barrier> = {}) =>
    aBarrier('0/8', 0, {
      number,
      from: offsets({ [name]: (ends ?? 5) - 5 }),
      ends: ends === undefined ? new Map() : offsets({ [name]: ends }),
      snapshot: parseSnapshot('100:100:'),
      ...given,
    })

  test('drops what it proves to be a repeat, at or above its end alone, with a doubt', () => {
    const barriers = () => [barrier(1, 12)]
    const changes = [book(1, 1, 99), book(2, 2, 99), book(3, 3, 99), book(4, 4, 100)]
    const commit = commitOf(changes, { barriers })
    expect(commit.mutations).toEqual([add('1', 1n), add('2', 1n), add('4', 1n)])
    const reason = 'a change came again that a barrier has proved to be long in the log'
    expect(commit.doubts).toEqual([doubtOf('repeat-beyond-barrier', 12, reason)])
  })

  test('that proves an unusable change to be a repeat makes it no other doubt', () => {
    const barriers = () => [barrier(1, 10)]
    const commit = commitOf([remove('books', { id: 1n }, undefined, { transaction: 99 })], {
      barriers,
    })
    expect(commit.doubts.map(({ code }) => code)).toEqual(['repeat-beyond-barrier'])
  })

  test('is the newest one that each offset has passed', () => {
    const barriers = () => [
      barrier(1, 5, { snapshot: parseSnapshot('50:50:') }),
      barrier(2, 11, { snapshot: parseSnapshot('60:60:') }),
      barrier(3, 11, { snapshot: parseSnapshot('70:70:') }),
      barrier(4, 13, { snapshot: parseSnapshot('80:80:') }),
      barrier(5, undefined, { snapshot: parseSnapshot('999:999:') }),
      barrier(6, 99, { snapshot: parseSnapshot('90:90:') }),
    ]
    const commit = commitOf(
      [book(1, 1, 50), book(2, 2, 69), book(3, 3, 70), book(4, 4, 79), book(5, 5, 80)],
      { barriers },
    )
    expect(commit.mutations).toEqual([add('1', 1n), add('3', 1n), add('5', 1n)])
    expect(commit.to.windowFrom).toBe(at(8))
  })

  test('that is passed moves the window to where it began', () => {
    const windowOf = (next: number, from: Checkpoint) =>
      draft(partsOf({ barriers: () => [barrier(1, 12)] }), from, inputOf([], { next: at(next) }))
        .commit.to.windowFrom
    expect(windowOf(11, ten)).toBe(at(0))
    expect(windowOf(12, ten)).toBe(at(7))
    expect(windowOf(12, checkpoint(10, { windowFrom: at(6) }))).toBe(at(7))
    expect(windowOf(12, checkpoint(10, { windowFrom: at(8) }))).toBe(at(8))
  })

  test('that began elsewhere in the partition leaves the window', () => {
    const barriers = () => [barrier(1, 10, { from: new Map() })]
    expect(commitOf([book(1, 1)], { barriers }).to.windowFrom).toBe(at(0))
  })
})

describe('a batch that is too large for one step', () => {
  const most = limits.mutationsMax
  const books = (count: number) =>
    recordsOf(...Array.from({ length: count }, (_, index) => changed(book(index, index))))

  test('is cut at a record, and goes on from there', () => {
    const parts = partsOf()
    const records = books(most + 3)
    const first = draft(parts, ten, inputOf(records))
    expect(first.taken).toBe(most)
    expect(first.commit.mutations).toHaveLength(most)
    expect(first.commit.to).toMatchObject({
      next: at(10 + most),
      last: { offset: at(9 + most) },
    })
    const rest = inputOf(records.slice(most), { next: at(20 + most) })
    const second = draft(parts, first.commit.to, rest)
    expect(second.taken).toBe(3)
    expect(second.commit.from).toBe(at(10 + most))
    expect(second.commit.to.next).toBe(at(20 + most))
    expect(second.commit.mutations.map(({ entry }) => entry)).toEqual(
      [0, 1, 2].map((index) => String(most + index)),
    )
  })

  test('counts the entries that a change touches before it takes it', () => {
    const moves = update('books', { id: 0n }, { before: { author: 5n }, after: { author: 6n } })
    const records = [...books(most - 1), ...recordsOf(changed(moves))]
    expect(draft(partsOf(), ten, inputOf(records)).taken).toBe(most - 1)
    const fewer = [...books(most - 2), ...recordsOf(changed(moves))]
    expect(draft(partsOf(), ten, inputOf(fewer)).taken).toBe(most - 1)
  })

  test('takes what touches nothing', () => {
    const other = insert('others', { id: 1n }, {})
    const unusable = remove('books', { id: 1n })
    const more = recordsOf(changed(other), changed(unusable), { kind: 'tombstone' })
    expect(draft(partsOf(), ten, inputOf([...books(most), ...more])).taken).toBe(most + 3)
  })
})

test('rows of the owning table put their fields', () => {
  const commit = commitOf([author(1, 'Ada'), author(2, null)], { table: 'authors' })
  expect(commit.mutations).toEqual([
    { entry: '1', put: { name: 'Ada' }, add: {} },
    { entry: '2', put: { name: null }, add: {} },
  ])
})
