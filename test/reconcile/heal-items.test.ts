import { healItems } from '../../src/reconcile/heal-items.ts'
import type { HealOptions } from '../../src/reconcile/heal.ts'
import { nameOfField } from '../../src/reconcile/judge.ts'
import { fullPace } from '../../src/reconcile/pace.ts'
import type { Plan } from '../../src/reconcile/plan.ts'
import type { CorrectionStep } from '../../src/store/audit.ts'
import { limits } from '../../src/store/limits.ts'
import type { Epoch } from '../../src/store/state.ts'
import type { ItemsQuestion } from '../../src/store/tallies.ts'
import { MillraceError } from '../../src/errors.ts'
import { insert } from '../support/builders.ts'
import { changed, talliedLibrary } from '../support/library.ts'
import { books, but, Compared, held, prizes } from './look-fixture.ts'

let world: Compared
let corrected: CorrectionStep[]
/** How many corrections were made by each time that somebody was told of them. */
let told: number[]
const noted = async () => void told.push(corrected.length)
let looked: ItemsQuestion[]

beforeEach(async () => {
  world = new Compared(talliedLibrary)
  corrected = []
  told = []
  looked = []
  await world.start()
})

const genres = { entry: '1', tally: 'genres' }
const honours = { entry: '1', tally: 'honours' }

type Items = Readonly<Record<string, bigint>>

const items = (count: number, amount = 1n): Items =>
  Object.fromEntries(
    Array.from({ length: count }, (_, index) => [String(index).padStart(5, '0'), amount]),
  )

function entry(given: Readonly<Record<string, Items>>) {
  const tallies = Object.entries(given)
    .filter(([, each]) => Object.keys(each).length > 0)
    .map(([name, each]) => [name, new Map(Object.entries(each))] as const)
  return { ...held('Ada'), ...(tallies.length > 0 && { tallies: new Map(tallies) }) }
}

/** The source has the first of them, the store the second. */
function lies(source: Items, store: Items, name = 'genres'): void {
  world.rows.set('1', entry({ [name]: source }))
  world.keep('1', entry({ [name]: store }))
}

const inStore = (name = 'genres') =>
  Object.fromEntries(world.data.entries.get('1')?.tallies?.get(name) ?? [])

/** The plan of the world, whose corrections and looks are noted. */
function planned(given: Partial<Plan> = {}): Plan {
  const plan = world.plan()
  const { audit, tallies } = plan
  return {
    ...plan,
    audit: {
      look: (question) => audit.look(question),
      correct: (step) => {
        corrected.push(step)
        return audit.correct(step)
      },
      scan: (cursor) => audit.scan(cursor),
      sweep: (...all) => audit.sweep(...all),
      progress: (step) => audit.progress(step),
    },
    tallies: {
      look: (question) => {
        looked.push(question)
        return tallies.look(question)
      },
      scan: (...all) => tallies.scan(...all),
    },
    ...given,
  }
}

const healing = (done: boolean) => (done ? 'healed' : 'open')

type Given = Partial<HealOptions> & { readonly large?: readonly (typeof genres)[] }

async function healed({ large = [genres], ...given }: Given = {}, plan = planned()) {
  const { signal } = world
  const options = {
    atOnce: false,
    correct: true,
    pace: fullPace,
    corrected: noted,
    signal,
    ...given,
  }
  const { wrong, unproved } = await world.clock.until(healItems(plan, large, options))
  return {
    wrong: wrong.map((each) =>
      [each.key, nameOfField(each), each.expected, each.found, healing(each.healed)].join(' '),
    ),
    unproved: [...unproved],
  }
}

const right = { wrong: [], unproved: [] }

describe('a large tally', () => {
  test('is compared by pages of the source, and then of the store', async () => {
    const all = items(11_500)
    lies(all, all)
    expect(await healed()).toEqual(right)
    // Of those that the store has too the source is not asked again.
    const page = { ...genres, kind: 'range', itemsMax: 10_000 }
    expect(world.itemPages).toEqual([
      { ...page, after: undefined },
      { ...page, after: '09999' },
    ])
    expect(looked.map((each) => each.items.length)).toEqual([
      ...Array.from({ length: 11 }, () => limits.cellsMax),
      500,
    ])
    expect(new Set(looked.flatMap((each) => each.items)).size).toBe(11_500)
    expect(looked.every(({ ticket }) => ticket === undefined)).toBe(true)
    expect(corrected).toEqual([])
  })

  test('of more items than are remembered is compared with the source once more', async () => {
    const all = items(100_500)
    lies(all, { ...all, zebra: 1n })
    expect((await healed()).wrong).toEqual(['1 genres[zebra]  1 healed'])
    const asked = world.itemPages.flatMap((page) => (page.kind === 'items' ? page.items : []))
    // And the one that is wrong a second time.
    expect(asked.length).toBe(500 + 1 + 1)
  })

  test('that is nowhere is right', async () => {
    lies({}, {})
    expect(await healed()).toEqual(right)
  })

  test('is corrected in an amount, in what is missing and in what is too much', async () => {
    const all = items(1_200)
    lies(all, { ...all, '00007': 4n, '00008': 0n, zebra: 2n })
    world.data.entries.get('1')!.tallies!.get('genres')
    expect(await healed()).toEqual({
      wrong: [
        '1 genres[00007] 1 4 healed',
        '1 genres[00008] 1  healed',
        '1 genres[zebra]  2 healed',
      ],
      unproved: [],
    })
    expect(inStore()).toEqual(all)
    expect(corrected.map(({ corrections }) => corrections.length)).toEqual([1, 1])
  })

  test('that was lost is put in again, a page with a ticket of its own after the other', async () => {
    const all = items(2_100)
    lies(all, {})
    const { wrong } = await healed()
    expect(wrong.length).toBe(3 * 21)
    expect(wrong.at(-1)).toBe('1 genres[80 more] 80 0 healed')
    expect(inStore()).toEqual(all)
    expect(new Set(corrected.map(({ ticket }) => ticket)).size).toBe(3)
    expect(world.data.tickets.size).toBe(0)
  })

  test('is only told where nothing is to be corrected', async () => {
    lies({ ode: 1n }, { ode: 3n })
    expect((await healed({ correct: false })).wrong).toEqual(['1 genres[ode] 1 3 open'])
    expect(inStore()).toEqual({ ode: 3n })
    expect(looked.every(({ ticket }) => ticket === undefined)).toBe(true)
  })

  test('of an entry is corrected beside another one of it', async () => {
    world.rows.set('1', entry({ genres: { ode: 1n }, honours: { bay: 2n } }))
    world.keep('1', entry({ genres: { ode: 2n }, honours: { bay: 1n } }))
    expect((await healed({ large: [genres, honours] })).wrong).toEqual([
      '1 genres[ode] 1 2 healed',
      '1 honours[bay] 2 1 healed',
    ])
    expect(inStore()).toEqual({ ode: 1n })
    expect(inStore('honours')).toEqual({ bay: 2n })
  })
})

describe('what a second look does not find', () => {
  test('was nothing wrong', async () => {
    lies({ ode: 1n }, { ode: 3n })
    world.beforeItems = (_, asked) => {
      if (asked === 2) lies({ ode: 1n }, { ode: 1n })
    }
    expect(await healed()).toEqual(right)
    expect(corrected).toEqual([])
  })

  test('to be wrong by the same amount is looked at a third time', async () => {
    lies({ ode: 1n }, { ode: 3n })
    world.beforeItems = (_, asked) => {
      if (asked === 2) lies({ ode: 1n }, { ode: 4n })
    }
    expect((await healed()).wrong).toEqual(['1 genres[ode] 1 4 healed'])
    expect(looked.length).toBe(1 + 2)
    expect(inStore()).toEqual({ ode: 1n })
  })
})

test('a correction whose ticket is gone is made by the next look', async () => {
  lies({ ode: 1n }, { ode: 3n })
  const plan = planned()
  const { correct } = plan.audit
  const losing: Plan['audit']['correct'] = (step) => {
    if (corrected.length === 0) world.data.tickets.clear()
    return correct(step)
  }
  const { wrong } = await healed({}, { ...plan, audit: { ...plan.audit, correct: losing } })
  expect(wrong).toEqual(['1 genres[ode] 1 3 healed'])
  expect(corrected.length).toBe(2)
  expect(inStore()).toEqual({ ode: 1n })
})

describe('while a view is filled', () => {
  test('every page is put in by one look', async () => {
    const all = items(2_100)
    lies(all, {})
    expect(await healed({ atOnce: true })).toEqual(right)
    expect(inStore()).toEqual(all)
    expect(corrected.length).toBe(3)
    expect(told).toEqual([1, 2, 3])
    expect(looked.length).toBe(3)
  })

  test('what lost its ticket is put in by the next look, and nobody is told', async () => {
    const all = items(2_100)
    lies(all, {})
    const plan = planned()
    const { correct } = plan.audit
    const losing: Plan['audit']['correct'] = (step) => {
      if (corrected.length === 1) world.data.tickets.clear()
      return correct(step)
    }
    const losingPlan = { ...plan, audit: { ...plan.audit, correct: losing } }
    expect(await healed({ atOnce: true }, losingPlan)).toEqual(right)
    expect(inStore()).toEqual(all)
    expect(looked.length).toBe(3 + 1)
  })

  test('what the store has beside it is taken away by one look', async () => {
    lies({ epic: 1n, ode: 1n }, { ode: 1n, zebra: 2n })
    expect(await healed({ atOnce: true })).toEqual(right)
    expect(inStore()).toEqual({ epic: 1n, ode: 1n })
    expect(looked.map((each) => each.items)).toEqual([['epic', 'ode'], ['zebra']])
  })

  test('what is served already takes two looks', async () => {
    lies({ ode: 1n }, { ode: 3n })
    const plan = planned({ complete: new Set(['genres']) })
    expect((await healed({ atOnce: true }, plan)).wrong).toEqual(['1 genres[ode] 1 3 healed'])
    expect(looked.length).toBe(2)
  })
})

describe('a tally of which nothing can be told', () => {
  /** The table's partition does not pass the barrier that the look needs. */
  async function standing(name: string): Promise<void> {
    world.snapshot = '250:250:'
    await world.publish(world.barrier(3, 10, { ends: but(10, { [name]: 99 }) }))
  }

  test('is not compared while its own partitions stand still, and is told of as such', async () => {
    lies({ ode: 1n }, { ode: 3n })
    world.rows.set('2', entry({ honours: { bay: 1n } }))
    world.keep('2', entry({ honours: { bay: 2n } }))
    await standing(books)
    const large = [genres, { entry: '2', tally: 'honours' }]
    expect(await healed({ large })).toEqual({
      wrong: ['2 honours[bay] 1 2 healed'],
      unproved: ['books'],
    })
    expect(inStore()).toEqual({ ode: 3n })
    const asked = world.itemPages.filter(({ entry: of }) => of === '1')
    expect(asked.map(({ kind }) => kind)).toEqual(['range'])
  })

  test('has nothing more asked of it once that is known', async () => {
    const all = items(2_000)
    lies(all, all)
    world.rows.set('2', entry({ honours: { bay: 1n } }))
    world.keep('2', entry({ honours: { bay: 1n } }))
    const touching = insert(
      'books',
      { id: 7n },
      { author: 1n, genre: 'epic' },
      { transaction: 240 },
    )
    world.topics.append(books, changed(touching))
    world.stands(books, 11)
    await standing(books)
    const large = [{ entry: '2', tally: 'honours' }, genres, { entry: '3', tally: 'genres' }]
    // The first part of what is large is judged before the second one is taken.
    const pace = { ...fullPace, charsAhead: 1_000 }
    expect(await healed({ large, pace })).toEqual({ wrong: [], unproved: ['books'] })
    expect(looked.filter(({ tally }) => tally === 'genres').length).toBeLessThan(2)
    const asked = world.itemPages.filter(({ tally }) => tally === 'genres')
    expect(asked.map(({ entry: of, kind }) => [of, kind])).toEqual([['1', 'range']])
  })

  test('is waited for where no other table is looked at', async () => {
    lies({ ode: 1n }, { ode: 1n })
    await standing(books)
    await expect(healed()).rejects.toMatchObject({ code: 'look-behind' })
  })

  test("is none where another table's partitions stand still", async () => {
    lies({ ode: 1n }, { ode: 3n })
    await standing(prizes)
    const startedMs = world.clock.monotonicMs()
    expect((await healed()).wrong).toEqual(['1 genres[ode] 1 3 healed'])
    expect(world.clock.monotonicMs() - startedMs).toBeLessThan(1_000)
  })
})

describe('a look at items is given up', () => {
  test('once the epoch has turned', async () => {
    lies({ ode: 1n }, { ode: 1n })
    const plan = { ...planned(), epoch: 'another' as Epoch }
    await expect(healed({}, plan)).rejects.toMatchObject({ code: 'look-void' })
  })

  test('where what lies there is no tally', async () => {
    lies({ ode: 1n }, { ode: 1n })
    const plan = planned()
    const look: Plan['tallies']['look'] = async () => ({ kind: 'unreadable' })
    await expect(healed({}, { ...plan, tallies: { ...plan.tallies, look } })).rejects.toMatchObject(
      {
        code: 'store-type',
        entry: '1',
        message: 'genres of 1 is not what the view keeps there: it is no tally',
      },
    )
  })

  test('when who rests says so', async () => {
    lies({ ode: 1n }, { ode: 1n })
    const rest = () => Promise.reject(new MillraceError('look-void', 'something else'))
    await expect(healed({ pace: { ...fullPace, rest } })).rejects.toMatchObject({
      message: 'something else',
    })
  })
})

test('a scan that the store can not go on with begins anew', async () => {
  const all = items(2_500)
  lies({}, all)
  const plan = planned()
  let lost = 0
  const scan: Plan['tallies']['scan'] = (key, tally, cursor) => {
    if (cursor !== undefined && lost === 0) {
      lost += 1
      throw new MillraceError('scan-lost', 'another store answers')
    }
    return plan.tallies.scan(key, tally, cursor)
  }
  await healed({}, { ...plan, tallies: { ...plan.tallies, scan } })
  expect(lost).toBe(1)
  expect(inStore()).toEqual({})
})

describe('an item that changes have touched meanwhile', () => {
  const epic = (id: number, transaction = 900) =>
    changed(insert('books', { id: BigInt(id) }, { author: 1n, genre: 'epic' }, { transaction }))

  test('is right with what the snapshot does not see of them', async () => {
    lies({ epic: 1n }, { epic: 2n })
    world.topics.append(books, epic(7))
    world.stands(books, 11)
    expect(await healed()).toEqual(right)
  })

  test('is found wrong though neither source nor store had it when its page was read', async () => {
    lies({}, {})
    world.topics.append(books, epic(7))
    world.stands(books, 11)
    expect((await healed()).wrong).toEqual(['1 genres[epic] 1  healed'])
    expect(inStore()).toEqual({ epic: 1n })
  })

  test('is found wrong though a later page begins behind the change', async () => {
    lies({ ode: 1n }, { ode: 1n })
    world.rows.set('2', entry({ genres: { ode: 1n } }))
    world.keep('2', entry({ genres: { ode: 1n } }))
    world.beforeItems = async (_, asked) => {
      if (asked !== 2) return
      world.rows.set('1', entry({ genres: { epic: 1n, ode: 1n } }))
      world.topics.append(books, epic(7, 160))
      world.stands(books, 11)
      world.snapshot = '350:350:'
      await world.publish(world.barrier(3, 11))
      await world.publish(world.barrier(4, 11))
    }
    const large = [genres, { entry: '2', tally: 'genres' }]
    const pace = { ...fullPace, charsAhead: 1 }
    expect((await healed({ large, pace })).wrong).toEqual(['1 genres[epic] 1  healed'])
    expect(inStore()).toEqual({ epic: 1n, ode: 1n })
  })

  test('is told once where nothing is corrected', async () => {
    lies({ epic: 1n }, { epic: 4n })
    world.topics.append(books, epic(7))
    world.stands(books, 11)
    expect((await healed({ correct: false })).wrong).toEqual(['1 genres[epic] 2 4 open'])
  })

  test('is looked for in the log of its own table alone', async () => {
    lies({ epic: 1n }, { epic: 1n })
    const award = insert('prizes', { id: 1n }, { author: 1n, title: 'bay' }, { transaction: 100 })
    world.topics.append(prizes, changed(award))
    world.stands(prizes, 11)
    const read: string[] = []
    const changeLog: Plan['changeLog'] = {
      close: () => Promise.resolve(),
      reader: (partition, signal) => {
        read.push(partition.topic)
        return world.topics.reader(partition, signal)
      },
    }
    await healed({ large: [genres] }, { ...planned(), changeLog })
    // The looks themselves read all that is between anchors and checkpoints.
    expect(read.filter((topic) => topic.endsWith('prizes')).length).toBe(1)
  })
})

test('as many pages are judged together as the pace has room for', async () => {
  const all = items(3_000)
  lies(all, all)
  let judged = 0
  const rest = async ({ rows }: { readonly rows: number }) => void (judged += Number(rows === 0))
  // Each part of a thousand items takes 105,000 characters.
  await healed({ pace: { ...fullPace, charsAhead: 150_000, rest } })
  expect(judged).toBe(2)
})

test('each part of a page rests by its rows', async () => {
  const all = items(1_500)
  lies(all, all)
  const rows: number[] = []
  await healed({ pace: { ...fullPace, rest: async (cost) => void rows.push(cost.rows) } })
  expect(rows.filter((each) => each > 0)).toEqual([1_000, 500])
})
