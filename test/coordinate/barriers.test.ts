import { Barriers, isPassed } from '../../src/coordinate/barriers.ts'
import { MillraceError } from '../../src/errors.ts'
import { neverArrives, topicNames } from '../support/fake-outside.ts'
import { at } from '../support/library.ts'
import { settled } from '../support/manual-clock.ts'
import { aDoubt, checkpoint } from '../store/store-fixture.ts'
import { all, partitions, World } from './coordination-fixture.ts'

let world: World
let running: Promise<void> | undefined

beforeEach(() => {
  world = new World()
  running = undefined
})

afterEach(async () => {
  world.end.abort()
  if (running) await world.clock.until(running)
})

function run(): void {
  running = world.barriers.run(world.end.signal)
}

/** Numbers of the barriers that the store has. */
async function kept(): Promise<number[]> {
  return (await world.store.watchable.barriers()).map(({ number }) => number)
}

/** The store is asked all the time, as a worker does. */
async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 100) {
    await world.clock.advance(100)
    await world.watch.ask()
  }
}

describe('barriers', () => {
  test('are not taken while there is no view', async () => {
    run()
    await world.clock.advance(3_000)
    expect(world.outside.asked).toEqual([])
  })

  test('are taken at their interval while topics grow, and published', async () => {
    await world.begin()
    run()
    await settled()
    expect(await kept()).toEqual([1, 2])
    for (const number of [3, 4]) {
      world.outside.grow('books')
      await pass(900)
      expect((await kept()).at(-1)).toBe(number - 1)
      await pass(100)
      expect((await kept()).at(-1)).toBe(number)
    }
    const { barrier } = await world.state()
    expect(barrier).toMatchObject({ number: 4, lsn: 1_024n, history: '7/1' })
    expect(barrier!.ends.get('t.public.books/0')).toBe(at(12))
  })

  test('are taken now and then while nothing moves', async () => {
    await world.begin()
    run()
    await pass(4_900)
    expect(await kept()).toEqual([1, 2])
    await pass(200)
    expect(await kept()).toEqual([1, 2, 3])
  })

  test('are taken at their interval while anything is in doubt', async () => {
    await world.begin()
    await world.raise(aDoubt('x'))
    run()
    await pass(3_000)
    expect(await kept()).toEqual([1, 2, 3, 4, 5])
  })

  test('hold to the interval from where each was begun', async () => {
    await world.begin()
    world.outside.arrives = async () => {
      await world.clock.sleep(700)
      return true
    }
    await world.raise(aDoubt('x'))
    run()
    await pass(900)
    expect(await kept()).toEqual([1, 2])
    await pass(1_000)
    expect(await kept()).toEqual([1, 2, 3])
  })

  test('follow at once on one that took longer than the interval', async () => {
    await world.begin()
    world.outside.arrives = async () => {
      await world.clock.sleep(1_500)
      return true
    }
    await world.raise(aDoubt('x'))
    run()
    await pass(3_200)
    expect(await kept()).toEqual([1, 2, 3])
  })

  test('read the topics of the own view, and of all that are kept', async () => {
    await world.begin()
    world.data.state = {
      ...world.data.state!,
      topics: { 't.public.older': 1, [topicNames[0]!]: 1 },
    }
    await world.watch.ask()
    run()
    await settled()
    expect(world.outside.asked).toContain(`ends ${[...topicNames, 't.public.older'].join()}`)
  })

  test('that fail are told of once, and tried again after a second', async () => {
    await world.begin()
    const away = new MillraceError('connect-unavailable', 'nobody answers')
    let calls = 0
    const { committed } = world.outside
    world.outside.committed = () => {
      calls += 1
      if (calls <= 3) throw away
      return committed()
    }
    run()
    await pass(900)
    expect(calls).toBe(1)
    await pass(1_100)
    expect(calls).toBe(3)
    expect(world.said).toEqual(['no barrier can be taken'])
    await pass(2_000)
    expect(world.said).toEqual(['no barrier can be taken', 'barriers are taken again'])
    expect(await kept()).toEqual([1, 2])
  })

  test('that fail are shown by the store as what holds up the watermark, until they go on', async () => {
    await world.begin()
    const { committed } = world.outside
    world.outside.committed = () => {
      throw new MillraceError('connect-unavailable', 'it is away', { hint: 'Look at it.' })
    }
    const problems = async () => {
      const { layout } = world.own.view
      return (await world.store.reader(layout, world.own.id).status()).problems
    }
    run()
    await pass(2_100)
    const sinceMs = world.clock.wallMs() - 2_100
    const problem = { code: 'connect-unavailable', message: 'it is away', hint: 'Look at it.' }
    expect(await problems()).toEqual(new Map([['watermark', { ...problem, sinceMs }]]))
    world.outside.committed = committed
    await pass(2_000)
    expect(await problems()).toEqual(new Map())
  })

  test('are taken again although the store can not show why they were not', async () => {
    await world.begin()
    const parts = world.barriersParts({
      writer: { report: () => Promise.reject(new MillraceError('store-away', 'x')), raise },
    })
    world.outside.committed = () => {
      throw new MillraceError('connect-unavailable', 'it is away')
    }
    const barriers = new Barriers(parts)
    running = barriers.run(world.end.signal)
    await pass(3_100)
    expect(world.outside.asked.filter((each) => each === 'committed').length).toBeGreaterThan(2)
  })

  test('end on a bug of whoever shows why they were not taken', async () => {
    await world.begin()
    const report = () => Promise.reject(new TypeError('a bug'))
    world.outside.committed = () => {
      throw new MillraceError('connect-unavailable', 'it is away')
    }
    const barriers = new Barriers(world.barriersParts({ writer: { report, raise } }))
    await expect(barriers.run(world.end.signal)).rejects.toThrow('a bug')
  })

  test('that fail in another way are told of again', async () => {
    await world.begin()
    let calls = 0
    world.outside.committed = () => {
      calls += 1
      throw new MillraceError('connect-unavailable', `fault ${calls}`)
    }
    run()
    await pass(2_100)
    expect(world.recorded.lines.map(({ reason }) => reason)).toEqual([
      'fault 1',
      'fault 2',
      'fault 3',
    ])
  })

  test('end on a bug', async () => {
    await world.begin()
    world.outside.committed = () => {
      throw new TypeError('a bug')
    }
    await expect(world.barriers.run(world.end.signal)).rejects.toThrow('a bug')
  })

  test('stay few in the store, and reach back far', async () => {
    await world.begin()
    await world.raise(aDoubt('x'))
    run()
    for (let second = 0; second < 400; second += 1) {
      await world.clock.advance(1_000)
      await world.watch.ask()
    }
    const numbers = await kept()
    expect(numbers.length).toBeLessThanOrEqual(65)
    expect(numbers.length).toBeGreaterThan(40)
    expect(numbers[0]).toBe(1)
    const newest = numbers.at(-1)!
    expect(newest).toBeGreaterThan(390)
    const last = Array.from({ length: 30 }, (_, index) => newest - 29 + index)
    expect(numbers.slice(-30)).toEqual(last)
  })
})

/** Of a store that is away. */
function raise(): Promise<never> {
  return Promise.reject(new MillraceError('store-away', 'x'))
}

describe('a barrier', () => {
  test('that is given up is not published', async () => {
    await world.begin()
    world.outside.arrives = neverArrives
    run()
    await settled()
    world.end.abort()
    await running
    expect(await kept()).toEqual([1])
  })

  test('that is taken when the lease is lost is not published', async () => {
    await world.begin()
    let asked = 0
    const ends: typeof world.outside.admin.ends = async (topics) => {
      asked += 1
      if (asked === 2) world.end.abort()
      return world.outside.admin.ends(topics)
    }
    running = new Barriers(world.barriersParts({ admin: { ends } })).run(world.end.signal)
    await running
    expect(asked).toBe(2)
    expect(await kept()).toEqual([1])
  })

  test('that could not be published leaves no gap, and is as old as itself', async () => {
    await world.begin()
    await world.raise(aDoubt('x'))
    const { coordination } = world.store
    let tries = 0
    const publish: typeof coordination.publish = async (barrier, forget) => {
      tries += 1
      if (tries <= 3) throw new MillraceError('store-away', 'x')
      await coordination.publish(barrier, forget)
    }
    const barriers = new Barriers(world.barriersParts({ coordination: { publish } }))
    running = barriers.run(world.end.signal)
    await world.clock.advance(3_100)
    expect(await kept()).toEqual([1, 2])
    expect(barriers.ageMs((await world.state()).barrier!)).toBe(100)
  })

  test('follows at once on the one before, of which the watch has not heard yet', async () => {
    await world.begin()
    await world.raise(aDoubt('x'))
    world.outside.arrives = async () => {
      await world.clock.sleep(1_500)
      return true
    }
    run()
    await world.clock.advance(4_600)
    expect(await kept()).toEqual([1, 2, 3, 4])
  })

  test('whose marker does not arrive within ten seconds tells of another source', async () => {
    await world.begin()
    world.outside.arrives = neverArrives
    run()
    await world.clock.advance(19_900)
    expect(world.recorded.lines).toEqual([])
    await world.clock.advance(200)
    expect(world.recorded.lines).toMatchObject([
      { code: 'another-source' },
      { code: 'offsets-lost', msg: 'doubt raised' },
    ])
    const [doubt] = (await world.store.watchable.state())!.doubts
    expect(doubt).toMatchObject({ code: 'offsets-lost', tables: [], restart: undefined })
    expect(doubt!.reason).toContain('did not arrive in the log')
    expect(doubt!.hint).toContain('See "When the source was put back"')
  })

  test('whose marker does not arrive again and again raises its doubt again, and says it once', async () => {
    await world.begin()
    await world.raise(aDoubt('x'))
    world.outside.arrives = neverArrives
    run()
    await pass(21_000)
    const first = (await world.state()).doubts.find(({ code }) => code === 'offsets-lost')!
    await pass(22_000)
    const { doubts } = await world.state()
    const again = doubts.find(({ code }) => code === 'offsets-lost')!
    expect(doubts).toHaveLength(2)
    expect(again.id).not.toBe(first.id)
    expect([first.barrier, again.barrier]).toEqual([3, 3])
    expect(world.said.filter((msg) => msg === 'doubt raised')).toHaveLength(1)
  })

  test('whose marker does not arrive raises no doubt of an epoch that is over', async () => {
    await world.begin()
    world.outside.arrives = neverArrives
    const writer = { report: async () => undefined, raise: async () => false }
    running = new Barriers(world.barriersParts({ writer })).run(world.end.signal)
    await pass(21_000)
    expect(world.said).not.toContain('doubt raised')
  })

  test('taken for a view that is not begun yet is numbered from 1, and not published', async () => {
    const barrier = await world.barriers.take(world.end.signal)
    expect(barrier).toMatchObject({ number: 1, lsn: 1_008n })
    expect(await kept()).toEqual([])
  })

  test('gets a number that nobody has begun', async () => {
    expect(world.barriers.following).toBe(2)
    await world.begin()
    expect(world.barriers.following).toBe(3)
    await world.publish(world.barrier(8, 10))
    expect(world.barriers.following).toBe(10)
    expect(await world.barriers.take(world.end.signal)).toMatchObject({ number: 9 })
    expect(world.barriers.following).toBe(10)
    // It was not published.
    expect(await world.barriers.take(world.end.signal)).toMatchObject({ number: 9 })
    expect(world.barriers.following).toBe(10)
  })

  test('is as old as its beginning here, whatever the wall clock', async () => {
    const barrier = await world.barriers.take(world.end.signal)
    world.clock.setWall(-3_600_000)
    await world.clock.advance(250)
    expect(world.barriers.ageMs(barrier!)).toBe(250)
  })

  test('taken elsewhere is as old as the wall clock says, and never younger than now', async () => {
    const elsewhere = new Barriers(world.barriersParts())
    const barrier = world.barrier(5, 10, { takenAtMs: world.clock.wallMs() - 400 })
    expect(elsewhere.ageMs(barrier)).toBe(400)
    world.clock.setWall(-500)
    expect(elsewhere.ageMs(barrier)).toBe(0)
  })

  test('is remembered as long as 64 others have not followed', async () => {
    const first = (await world.barriers.take(world.end.signal))!
    await world.clock.advance(1_000)
    world.clock.setWall(100_000)
    for (let others = 0; others < 63; others += 1) await world.barriers.take(world.end.signal)
    expect(world.barriers.ageMs(first)).toBe(1_000)
    await world.barriers.take(world.end.signal)
    expect(world.barriers.ageMs(first)).toBe(101_000)
  })
})

describe('a barrier is passed', () => {
  const standing = (next: number, last = next) =>
    new Map(partitions.map((name, index) => [name, checkpoint(index === 2 ? last : next)]))

  test('where every partition has passed its end', () => {
    const barrier = world.barrier(2, 12)
    expect(isPassed(barrier, standing(12))).toBe(true)
    expect(isPassed(barrier, standing(12, 11))).toBe(false)
    expect(isPassed(barrier, standing(13))).toBe(true)
  })

  test('and not where nothing is known of any, or of one', () => {
    expect(isPassed(world.barrier(2, 0), new Map())).toBe(false)
    const ends = all(5)
    ends.delete(partitions[1]!)
    expect(isPassed(world.barrier(2, 5, { ends }), standing(12))).toBe(false)
  })
})
