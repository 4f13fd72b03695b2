import type { Plan } from '../../src/reconcile/plan.ts'
import { limits } from '../../src/store/limits.ts'
import { talliedLibrary } from '../support/library.ts'
import { books, but, held } from './look-fixture.ts'
import { anchored, Laps } from './turn-fixture.ts'

let world: Laps

beforeEach(async () => {
  world = new Laps(talliedLibrary)
  await world.start()
})

const genres = (count: number, amount = 1n) =>
  new Map(Array.from({ length: count }, (_, at) => [String(at).padStart(5, '0'), amount]))

const entry = (items: ReadonlyMap<string, bigint>) => ({
  ...held('Ada'),
  ...(items.size > 0 && { tallies: new Map([['genres', items]]) }),
})
const large = limits.cellsMax * 2
/** Of more than one page of the source. */
const manyPages = limits.cellsMax * 20
const inStore = (key = '1') => world.data.entries.get(key)?.tallies?.get('genres')

describe('a lap corrects large tallies', () => {
  test('which it puts in at once where nobody is served', async () => {
    world.unfinished()
    world.rows.set('1', entry(genres(large)))
    await world.turn()
    await world.turn()
    expect(inStore()).toEqual(genres(large))
    const { ended, statistics } = await world.lap()
    expect(ended).toMatchObject({ kind: 'build', unproved: [] })
    expect(statistics).toMatchObject({ wrong: 0, healed: 0 })
  })

  test('at its pace', async () => {
    world.rows.set('1', entry(genres(large)))
    world.keep('1', entry(new Map([...genres(large), ['00007', 5n]])))
    const startedMs = world.clock.monotonicMs()
    await world.turn()
    expect(inStore()).toEqual(genres(large))
    expect((await world.lap()).statistics).toMatchObject({ wrong: 1, healed: 1 })
    // Two thousand rows, a thousand in a second.
    expect(world.clock.monotonicMs() - startedMs).toBeGreaterThanOrEqual(2_000)
  })

  test('which only the store has', async () => {
    world.left({ ...anchored, section: 'store' })
    world.keep('7', entry(genres(large)))
    await world.turn()
    expect(world.data.entries.has('7')).toBe(false)
  })

  test('of entries in doubt', async () => {
    await world.doubted({ keys: ['1'] })
    world.rows.set('1', entry(genres(large)))
    world.keep('1', entry(genres(large, 2n)))
    world.left({ ...anchored, section: 'store' })
    await world.turn()
    expect(inStore()).toEqual(genres(large))
    expect((await world.state()).doubts).toEqual([])
  })
})

test('a lap whose large tallies could not be told has not told of their table', async () => {
  world.both('1', entry(genres(large)))
  world.both('2', { ...held('Bob'), tallies: new Map([['honours', genres(large)]]) })
  world.beforeItems = async (_, asked) => {
    if (asked > 1) return
    world.snapshot = '250:250:'
    await world.publish(world.barrier(3, 10, { ends: but(10, { [books]: 99 }) }))
  }
  await world.turn()
  const { section, unproved } = await world.lap()
  expect([section, unproved]).toEqual(['store', ['books']])
})

describe('a large tally at a steady pace', () => {
  const doubting = (): Plan['source'] => {
    const { itemTruth, ...source } = world.truthSource
    let asked = 0
    return {
      ...source,
      itemTruth: async (...all) => {
        asked += 1
        if (asked === 1) await world.doubted()
        return itemTruth(...all)
      },
    }
  }

  test('is left where something is doubted anew, and so is its page', async () => {
    world.both('1', entry(genres(large)))
    await expect(world.turn({ source: doubting() })).rejects.toMatchObject({
      code: 'look-void',
      message: 'something is doubted that is looked at first',
    })
    expect(world.itemPages.length).toBe(1)
    expect((await world.state()).pass).toBeUndefined()
  })

  test('is gone through at full pace all the same', async () => {
    world.unfinished()
    world.both('1', entry(genres(manyPages)))
    await world.turn({ source: doubting() })
    expect(world.itemPages.length).toBe(2)
  })
})

describe('a large tally of a lap that waits for another at full pace', () => {
  beforeEach(() => {
    world.unfinished()
    world.both('1', entry(genres(manyPages)))
  })

  test('goes at full pace once that has ended', async () => {
    const right = world.right
    world.right = undefined
    world.beforeItems = (_, asked) => {
      if (asked === 2) world.right = right
    }
    const startedMs = world.clock.monotonicMs()
    await world.turn()
    expect(world.clock.monotonicMs() - startedMs).toBeLessThan(15_000)
    expect(world.released).toBe(1)
  })

  test('costs of the daily budget what it takes at full pace then', async () => {
    const { declarations, ...rest } = world.data.state!
    const complete = declarations.map((each) => ({ ...each, complete: true }))
    world.data.state = { ...rest, declarations: complete }
    await world.doubted()
    world.left({ ...anchored, kind: 'doubt' })
    const right = world.right
    world.right = undefined
    world.beforeItems = (_, asked) => {
      if (asked === 2) world.right = right
    }
    const { tallies } = world.plan()
    let fullMs = 0
    const slow: Plan['tallies'] = {
      look: async (question) => {
        await world.clock.sleep(100)
        if (world.right) fullMs += 100
        return tallies.look(question)
      },
      scan: (...place) => tallies.scan(...place),
    }
    await world.turn({ tallies: slow })
    expect(world.released).toBe(1)
    const { fullPace } = await world.lap()
    expect(fullPace.ms).toBeGreaterThan(0)
    expect(fullPace.ms).toBeLessThanOrEqual(fullMs)
  })

  test('goes at a steady pace while that goes on', async () => {
    world.right = undefined
    const startedMs = world.clock.monotonicMs()
    await world.turn()
    expect(world.clock.monotonicMs() - startedMs).toBeGreaterThanOrEqual(20_000)
    expect(world.released).toBe(0)
  })

  test('goes at a steady pace again when the session that has the right is lost', async () => {
    const lost = new AbortController()
    world.right = undefined
    world.beforeItems = (_, asked) => {
      if (asked === 1) world.right = lost
      if (asked === 2) {
        lost.abort()
        world.right = undefined
      }
    }
    const startedMs = world.clock.monotonicMs()
    await world.turn()
    // Ten pages of the source's second range.
    expect(world.clock.monotonicMs() - startedMs).toBeGreaterThanOrEqual(10_000)
    expect(world.clock.monotonicMs() - startedMs).toBeLessThan(20_000)
  })
})

test('a lap does not go on where a store has gone back to before its corrections', async () => {
  world.unfinished()
  world.rows.set('1', { ...entry(genres(manyPages)), fields: { name: 'Ada' } })
  const before = { state: world.data.state!, entries: new Map(world.data.entries) }
  world.beforeItems = (_, asked) => {
    if (asked !== 2) return
    expect(world.data.entries.get('1')?.fields).toEqual({ name: 'Ada' })
    Object.assign(world.data, before)
  }
  await expect(world.turn()).rejects.toMatchObject({ code: 'look-void' })
  expect((await world.state()).pass).toBeUndefined()
})
