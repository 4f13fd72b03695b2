/** Looks and laps of a view that lets its old entries go. */
import { judgeItems, takeItemSheet } from '../../src/reconcile/items.ts'
import { judgeSheets, takeSheet, type Sheet } from '../../src/reconcile/look.ts'
import type { Page } from '../../src/source/source.ts'
import type { Held } from '../../src/store/memory/data.ts'
import { viewOf } from '../../src/view/view.ts'
import { dayKey, dayStart, libraryDays } from '../support/library-days.ts'
import { aDoubt } from '../store/store-fixture.ts'
import { kindsOf } from './look-fixture.ts'
import { anchored, Laps } from './turn-fixture.ts'

let world: Laps

beforeEach(async () => {
  world = new Laps(libraryDays)
  await world.start()
  await keep('2026-11-02')
})

const first = dayKey(1, '2026-11-01')
const second = dayKey(1, '2026-11-02')
const third = dayKey(2, '2026-11-03')
const everything: Page = { kind: 'range', after: undefined, keysMax: 1_000 }

const books = (bookCount: bigint): Held => ({ fields: null, counts: { bookCount } })

async function raise(day: string): Promise<void> {
  const { state } = world.data
  const step = { epoch: state!.epoch, before: state!.keepFrom, after: dayStart(day) }
  expect(await world.store.keeping(libraryDays.layout).raise(step)).toBe(true)
}

async function keep(day: string): Promise<void> {
  await raise(day)
  await world.watch.ask()
}

const sheetOf = (page: Page = everything): Promise<Sheet> => takeSheet(world.plan(), page)

const judged = (sheet: Sheet) =>
  world.clock.until(judgeSheets(world.plan(), [sheet], { ticket: undefined, signal: world.signal }))

describe('a look', () => {
  test('asks the source for what is kept alone', async () => {
    for (const key of [first, second, third]) world.both(key, books(1n))
    const sheet = await sheetOf()
    expect(sheet.keys).toEqual([second, third])
    expect(world.pages).toEqual([{ ...everything, keepFrom: dayStart('2026-11-02') }])
    expect((await sheetOf({ kind: 'keys', keys: [first, third] })).keys).toEqual([third])
    expect(world.pages[1]).toEqual({ kind: 'keys', keys: [third] })
  })

  test('judges what is kept when the entries are read', async () => {
    for (const key of [first, second, third]) world.both(key, books(1n))
    world.keep(second, books(9n))
    world.keep(third, books(9n))
    const sheet = await sheetOf()
    await keep('2026-11-03')
    expect(kindsOf(await judged(sheet))).toEqual({ [third]: 'wrong' })
  })

  test('of a store that was put back to a lower bound is void', async () => {
    world.both(second, books(1n))
    const sheet = await sheetOf()
    for (const keepFrom of [dayStart('2026-11-01'), undefined]) {
      world.data.state = { ...world.data.state!, keepFrom }
      await expect(judged(sheet)).rejects.toMatchObject({ code: 'look-void' })
    }
  })
})

test('a look at items says nothing of an entry that was let go before they were read', async () => {
  const item = { kind: 'values', columns: [{ column: 'genre', type: 'text' }] } as const
  const of = { table: 'books', by: ['author', 'published'], where: [] }
  const tallies = [{ name: 'genres', stored: 'genres', ...of, item }]
  world = new Laps(viewOf({ ...libraryDays, tallies }))
  await world.start()
  await keep('2026-11-02')
  const cells = new Map([['genres', new Map([['novel', 3n]])]])
  world.rows.set(second, { ...books(3n), tallies: cells })
  const page = { entry: second, tally: 'genres', kind: 'items', items: ['novel'] } as const
  const wrong = async () => {
    const sheet = await takeItemSheet(world.plan(), page)
    const judging = judgeItems(world.plan(), [sheet], { ticket: undefined, signal: world.signal })
    return (await world.clock.until(judging)).wrong.size
  }
  expect(await wrong()).toBe(1)
  // Nobody has told this process yet.
  await raise('2026-11-03')
  expect(await wrong()).toBe(0)
})

describe('a lap', () => {
  test('lets go what the store has below the bound, and never calls it wrong', async () => {
    world.both(third, books(1n))
    world.keep(first, books(5n))
    world.keep(dayKey(9, '2026-10-01'), books(-3n))
    await world.turn()
    expect(world.data.entries.size).toBe(3)
    await world.turn()
    expect([...world.data.entries.keys()]).toEqual([third])
    const { statistics, ended } = await world.lap()
    expect(statistics).toMatchObject({ wrong: 0, healed: 0, letGo: 2 })
    expect(ended).toMatchObject({ kind: 'steady' })
    expect(world.recorded.lines.map(({ msg }) => msg)).not.toContain('an entry was wrong')
  })

  test('asks the source nothing of what goes', async () => {
    world.keep(first, books(5n))
    world.left({ ...anchored, section: 'store' })
    await world.turn()
    expect(world.unsettled).toMatchObject([{ keys: [] }])
    expect(world.pages).toEqual([])
  })

  test('is given up where the store was put back to a lower bound', async () => {
    world.keep(first, books(5n))
    world.left({ ...anchored, section: 'store' })
    const { keeping } = world.plan()
    const plan = {
      keeping: {
        remove: (removal: Parameters<typeof keeping.remove>[0]) => {
          const keepFrom = dayStart('2026-11-01')
          world.data.state = { ...world.data.state!, keepFrom }
          return keeping.remove(removal)
        },
      },
    }
    await expect(world.turn(plan)).rejects.toMatchObject({ code: 'look-void' })
    expect(world.data.entries.has(first)).toBe(true)
  })

  test('removes by the bound by which it told the keys, whatever it hears meanwhile', async () => {
    world.keep(first, books(5n))
    world.left({ ...anchored, section: 'store' })
    const { source } = world.plan()
    const unsettled: typeof source.unsettled = async () => {
      world.data.state = { ...world.data.state!, keepFrom: dayStart('2026-11-01') }
      await world.watch.ask()
      return []
    }
    const turned = world.turn({ source: { ...source, unsettled } })
    await expect(turned).rejects.toMatchObject({ code: 'look-void' })
    expect(world.data.entries.has(first)).toBe(true)
  })

  test('corrects what is kept', async () => {
    world.rows.set(second, books(4n))
    world.keep(second, books(1n))
    await world.turn()
    expect(world.data.entries.get(second)?.counts).toEqual({ bookCount: 4n })
    expect((await world.lap()).statistics).toMatchObject({ wrong: 1, healed: 1, letGo: 0 })
  })
})

test('a doubt about an entry that is kept no longer ends', async () => {
  world.keep(first, books(-1n))
  const { state } = world.data
  await world.store.writer(libraryDays.layout).raise(state!.epoch, aDoubt('x', { keys: [first] }))
  await world.turn()
  expect((await world.state()).doubts).toEqual([])
})
