import { Coordinator, type CoordinatorParts } from '../../src/coordinate/coordinator.ts'
import { doubt } from '../../src/coordinate/setup-doubts.ts'
import { MillraceError } from '../../src/errors.ts'
import { parseLsn } from '../../src/position.ts'
import type { ViewWriter } from '../../src/store/writer.ts'
import { neverArrives } from '../support/fake-outside.ts'
import { library } from '../support/library.ts'
import { settled } from '../support/manual-clock.ts'
import { all, partitions, topics, World } from './coordination-fixture.ts'

let world: World
let running: Promise<void>[]
let beside: AbortSignal[]

beforeEach(() => {
  world = new World()
  running = []
  beside = []
})

afterEach(async () => {
  world.end.abort()
  for (const each of running) await world.clock.until(each.catch(() => undefined))
})

function partsOf(given: Partial<CoordinatorParts> = {}): CoordinatorParts {
  return {
    ...world.parts,
    beside: [
      (signal) => {
        beside.push(signal)
        return new Promise((resolve) => {
          signal.addEventListener('abort', () => resolve(), { once: true })
        })
      },
    ],
    holder: 'one',
    leaseMs: 3_000,
    setupIntervalMs: 1_000,
    ...given,
  }
}

function run(given: Partial<CoordinatorParts> = {}): void {
  running.push(new Coordinator(partsOf(given)).run(world.end.signal))
}

/** Somebody else takes the lease, or asks for it. */
const lease = (holder: string, declaration = world.own.id, over = false) =>
  world.store.coordination.lease({ holder, declaration, ttlMs: 3_000, over })

describe('a coordinator', () => {
  test('begins the view, takes barriers and moves the watermark', async () => {
    run()
    await world.clock.advance(6_500)
    const state = await world.state()
    expect(state).toMatchObject({ topics, declarations: [{ id: world.own.id }] })
    expect(state.barrier!.number).toBeGreaterThan(1)
    expect(state.watermark).toBe(state.barrier!.lsn)
    expect(world.said).toContain('this process coordinates the view')
    expect(beside).toHaveLength(1)
  })

  test('gives a view an instance that an earlier release has begun without one', async () => {
    await world.begin()
    world.data.state = { ...world.data.state!, instance: undefined }
    run()
    await world.clock.advance(1_000)
    const { instance } = await world.state()
    expect(instance).toMatch(/^\S{20,}$/)
    await world.clock.advance(1_000)
    expect((await world.state()).instance).toBe(instance)
  })

  test('ends everything that it runs with its signal', async () => {
    run()
    await world.clock.advance(500)
    world.end.abort()
    for (const each of running) await world.clock.until(each)
    expect(beside.map(({ aborted }) => aborted)).toEqual([true])
    expect(world.said).not.toContain('another process coordinates the view')
    const { asked } = world.outside
    const before = asked.length
    await world.clock.advance(10_000)
    expect(asked).toHaveLength(before)
  })

  test('notices within its interval that the set-up was altered', async () => {
    run()
    await world.clock.advance(3_000)
    world.outside.setup = { ...world.outside.setup, publication: { oid: 5 } }
    await world.clock.advance(1_100)
    expect((await world.state()).doubts).toMatchObject([{ code: 'publication-altered' }])
  })

  test('goes on from another barrier where the log can not be continued from', async () => {
    run()
    await world.clock.advance(3_000)
    const { epoch } = await world.state()
    const restart = { how: 'anew', partitions: [partitions[1]!] } as const
    await world.raise(doubt('window-full', 0, { reason: 'x', restart }))
    world.outside.grow('books', 7)
    await world.clock.advance(6_000)
    expect((await world.state()).epoch).not.toBe(epoch)
    expect((await world.checkpoints()).get(partitions[1]!)).toMatchObject({ next: 17n })
  })

  test('brings in the declaration that was applied', async () => {
    await world.begin()
    const older = {
      id: 'older',
      declaration: (await world.state()).declarations[0]!.declaration,
      complete: true,
    }
    world.data.state = { ...world.data.state!, declarations: [older] }
    await world.store.watchable.want(() => ({
      declaration: world.own.id,
      adopt: true,
      prune: false,
      sweep: [],
    }))
    run()
    await world.clock.advance(20_000)
    expect((await world.state()).declarations.map(({ id }) => id)).toEqual(['older', world.own.id])
  })

  test('looks at the set-up in its interval and no more often while no barrier comes', async () => {
    await world.begin()
    const lookedAtMs: number[] = []
    const { look } = world.setup
    world.setup.look = async (view) => {
      lookedAtMs.push(world.clock.monotonicMs())
      return look.call(world.setup, view)
    }
    world.outside.arrives = neverArrives
    run()
    await world.clock.advance(5_000)
    expect(lookedAtMs.slice(1).map((ms, index) => ms - lookedAtMs[index]!)).toEqual([
      1_000, 1_000, 1_000, 1_000, 1_000,
    ])
  })
})

describe('the watermark', () => {
  test('moves to a barrier only behind a look at the set-up', async () => {
    await world.begin()
    world.outside.arrives = neverArrives
    const { look } = world.setup
    const lookedAtMs: number[] = []
    world.setup.look = async (view) => {
      lookedAtMs.push(world.clock.monotonicMs())
      return look.call(world.setup, view)
    }
    world.stand(13)
    run()
    await world.clock.advance(1_300)
    await world.publish(world.barrier(5, 13))
    const publishedAtMs = world.clock.monotonicMs()
    await world.clock.advance(200)
    expect((await world.state()).watermark).toBe(parseLsn('0/28'))
    expect(lookedAtMs.at(-1)).toBeGreaterThanOrEqual(publishedAtMs)
  })

  test('does not move to a barrier that came in the middle of a look', async () => {
    await world.begin()
    world.outside.arrives = neverArrives
    world.stand(13)
    const happened: string[] = []
    const { look } = world.setup
    world.setup.look = async (view) => {
      happened.push('look')
      const found = await look.call(world.setup, view)
      if (happened.length === 1) {
        await world.publish(world.barrier(5, 13))
        await world.parts.watch.ask()
      }
      return found
    }
    const { advance } = world.store.coordination
    world.store.coordination.advance = async (epoch, barrier, agoMs) => {
      happened.push(`to ${barrier.number}`)
      return advance.call(world.store.coordination, epoch, barrier, agoMs)
    }
    run()
    await world.clock.advance(300)
    expect(happened).toEqual(['look', 'to 1', 'look', 'to 5'])
  })

  /** Moments in which it was moved, and to what. */
  function advances() {
    const moved: { number: number; agoMs: number }[] = []
    const { advance } = world.store.coordination
    world.store.coordination.advance = async (epoch, barrier, agoMs) => {
      moved.push({ number: barrier.number, agoMs })
      return advance.call(world.store.coordination, epoch, barrier, agoMs)
    }
    return moved
  }

  test('moves to the newest barrier that every partition has passed, once', async () => {
    await world.begin()
    world.outside.arrives = neverArrives
    const moved = advances()
    run()
    await world.clock.advance(300)
    expect(moved).toEqual([{ number: 1, agoMs: expect.any(Number) }])
    await world.publish(world.barrier(4, 12))
    await world.publish(world.barrier(5, 13))
    await world.publish(world.barrier(6, 14))
    await world.clock.advance(300)
    expect(moved).toHaveLength(1)
    world.stand(13)
    await world.clock.advance(300)
    expect(moved.map(({ number }) => number)).toEqual([1, 5])
    expect((await world.state()).watermark).toBe(parseLsn('0/28'))
    world.stand(14, partitions.slice(1))
    await world.clock.advance(300)
    expect(moved).toHaveLength(2)
  })

  test('is as old as the beginning of its barrier', async () => {
    await world.begin()
    const moved = advances()
    world.outside.arrives = async () => {
      await world.clock.sleep(250)
      return true
    }
    run()
    await world.clock.advance(600)
    expect(moved.at(-1)!.number).toBe(2)
    expect(moved.at(-1)!.agoMs).toBeGreaterThanOrEqual(250)
    expect(moved.at(-1)!.agoMs).toBeLessThanOrEqual(350)
  })

  test('is moved again where the store did not take it', async () => {
    await world.begin()
    const numbers: number[] = []
    const { advance } = world.store.coordination
    world.store.coordination.advance = async (epoch, barrier, agoMs) => {
      numbers.push(barrier.number)
      if (numbers.length < 3) return false
      return advance.call(world.store.coordination, epoch, barrier, agoMs)
    }
    world.outside.arrives = neverArrives
    run()
    await world.clock.advance(900)
    expect(numbers).toEqual([1, 1, 1])
  })
})

describe('the lease', () => {
  test('is renewed after a third of its time, and kept', async () => {
    const claimedAtMs: number[] = []
    const { lease: claim } = world.store.coordination
    world.store.coordination.lease = async (given) => {
      claimedAtMs.push(world.clock.monotonicMs())
      expect(given).toEqual({ holder: 'one', declaration: world.own.id, ttlMs: 3_000, over: false })
      return claim.call(world.store.coordination, given)
    }
    await world.begin()
    run()
    await world.clock.advance(5_000)
    const pauses = claimedAtMs.slice(1).map((ms, index) => ms - claimedAtMs[index]!)
    expect(pauses.length).toBeGreaterThan(3)
    for (const pause of pauses) {
      expect(pause).toBeGreaterThanOrEqual(1_000)
      expect(pause).toBeLessThanOrEqual(1_100)
    }
    expect(world.data.lease!.untilMs).toBeGreaterThan(world.clock.monotonicMs() + 1_800)
  })

  test('that another holds is asked for every half a second, and nothing done meanwhile', async () => {
    await lease('two')
    run()
    await world.clock.advance(2_900)
    expect(await world.store.watchable.state()).toBeUndefined()
    expect(beside).toEqual([])
    await world.clock.advance(700)
    expect(await world.state()).toMatchObject({ topics })
  })

  test('that is lost ends all that this process does for the view', async () => {
    await world.begin()
    run()
    await world.clock.advance(500)
    world.data.lease = { ...world.data.lease!, holder: 'two', untilMs: Infinity }
    await world.clock.advance(1_500)
    expect(beside.map(({ aborted }) => aborted)).toEqual([true])
    expect(world.said).toContain('another process coordinates the view')
    const barriers = await world.store.watchable.barriers()
    await world.clock.advance(10_000)
    expect(await world.store.watchable.barriers()).toEqual(barriers)
    world.data.lease = undefined
    await world.clock.advance(1_000)
    expect(beside).toHaveLength(2)
  })

  test('that is taken again finds what another process has reported meanwhile, and clears it', async () => {
    await world.begin()
    run()
    await world.clock.advance(5_000)
    world.data.lease = { ...world.data.lease!, holder: 'two', untilMs: Infinity }
    await world.clock.advance(1_500)
    const problem = { code: 'kafka-away', message: 'x', hint: undefined, sinceMs: 0 } as const
    const writer = world.store.writer(library.layout)
    for (const place of ['watermark', 'keep']) await writer.report(place, problem)
    world.data.lease = undefined
    await world.clock.advance(5_000)
    expect(beside).toHaveLength(2)
    expect([...world.data.problems]).toEqual([])
  })

  test('is taken over from another declaration where the own one is wanted', async () => {
    await lease('two', 'older')
    run()
    await world.clock.advance(1_000)
    expect(world.data.lease).toMatchObject({ holder: 'two' })
    await world.store.watchable.want(() => ({
      declaration: world.own.id,
      adopt: false,
      prune: false,
      sweep: [],
    }))
    await world.clock.advance(1_000)
    expect(world.data.lease).toMatchObject({ holder: 'one', declaration: world.own.id })
  })
})

describe('a view that can not be begun', () => {
  const want = (declaration: string) =>
    world.store.watchable.want(() => ({ declaration, adopt: false, prune: false, sweep: [] }))
  const problems = () => [...world.data.problems].map(([place, { code }]) => [place, code])
  const waits = () => world.said.filter((msg) => msg === 'coordination waits')

  test('for another declaration was applied says so once, and shows it until it is begun', async () => {
    await want('another')
    run()
    await world.clock.advance(60_000)
    expect(waits()).toHaveLength(1)
    expect(world.recorded.lines).toContainEqual(
      expect.objectContaining({ level: 'warn', code: 'declaration-unknown' }),
    )
    expect(problems()).toEqual([['view', 'declaration-unknown']])
    await want(world.own.id)
    await world.clock.advance(5_000)
    expect((await world.state()).declarations).toMatchObject([{ id: world.own.id }])
    expect(problems()).toEqual([])
  })

  test('for the set-up does not fit shows that, and nothing of what passes by itself', async () => {
    world.outside.faults = [{ table: 'books', what: 'is wrong', mend: 'alter table books;' }]
    run()
    await world.clock.advance(1_000)
    expect(problems()).toEqual([['view', 'source-unfit']])
    world.data.problems.clear()
    world.setup.faults = () => Promise.reject(new MillraceError('source-unavailable', 'x'))
    await world.clock.advance(60_000)
    expect(problems()).toEqual([])
  })

  test('shows it again when another process has cleared it', async () => {
    await want('another')
    run()
    await world.clock.advance(5_000)
    world.data.problems.clear()
    await world.clock.advance(33_000)
    expect(problems()).toEqual([['view', 'declaration-unknown']])
  })
})

describe('a fault', () => {
  const away = (code: 'store-away' | 'store-refused') => new MillraceError(code, `it is ${code}`)

  test('is told of once, by how bad it is, and tried again', async () => {
    await world.begin()
    const { state } = world.store.watchable
    let fault: MillraceError | undefined
    let asked = 0
    world.store.watchable.state = async () => {
      asked += 1
      if (fault) throw fault
      return state.call(world.store.watchable)
    }
    run()
    await world.clock.advance(1_000)
    fault = away('store-away')
    asked = 0
    await world.clock.advance(10_000)
    expect(asked).toBeGreaterThan(3)
    expect(asked).toBeLessThan(12)
    const waits = () =>
      world.recorded.lines
        .filter(({ msg }) => msg === 'coordination waits')
        .map(({ level, code }) => [level, code])
    expect(waits()).toEqual([['warn', 'store-away']])
    fault = away('store-refused')
    await world.clock.advance(5_000)
    expect(waits()).toEqual([
      ['warn', 'store-away'],
      ['error', 'store-refused'],
    ])
    fault = undefined
    await world.clock.advance(5_000)
    expect(world.said.filter((msg) => msg === 'coordination goes on')).toHaveLength(1)
    fault = away('store-refused')
    await world.clock.advance(1_000)
    expect(waits()).toHaveLength(3)
  })

  test('is followed by growing pauses of three seconds at most, which end with it', async () => {
    await world.begin()
    const { state } = world.store.watchable
    const triedAtMs: number[] = []
    let broken = true
    world.store.watchable.state = async () => {
      triedAtMs.push(world.clock.monotonicMs())
      if (broken) throw away('store-away')
      return state.call(world.store.watchable)
    }
    run()
    await world.clock.advance(20_000)
    const pauses = () => triedAtMs.slice(1).map((ms, index) => ms - triedAtMs[index]!)
    for (const [index, pause] of pauses().entries()) {
      const ceiling = Math.min(3_000, 500 * 2 ** index)
      expect(pause).toBeGreaterThanOrEqual(ceiling / 2)
      expect(pause).toBeLessThanOrEqual(ceiling)
    }
    broken = false
    await world.clock.advance(3_500)
    broken = true
    await world.clock.advance(100)
    triedAtMs.splice(0, triedAtMs.length - 1)
    await world.clock.advance(500)
    expect(pauses().length).toBeGreaterThanOrEqual(1)
    expect(pauses()[0]).toBeLessThanOrEqual(500)
  })

  test('of the lease is told of, and asked for again', async () => {
    const { lease: claim } = world.store.coordination
    let broken = true
    world.store.coordination.lease = (given) =>
      broken ? Promise.reject(away('store-away')) : claim.call(world.store.coordination, given)
    run()
    await world.clock.advance(2_000)
    expect(world.said).toEqual(['coordination waits'])
    broken = false
    await world.clock.advance(1_000)
    expect(world.said).toContain('coordination goes on')
    expect(await world.state()).toMatchObject({ topics })
  })

  test('of a look at the set-up holds up the watermark: something may have been altered', async () => {
    await world.begin()
    run()
    await world.clock.advance(5_000)
    const { watermark: before } = await world.state()
    const { look } = world.setup
    world.setup.look = () => Promise.reject(away('store-away'))
    world.outside.setup = { ...world.outside.setup, publication: { oid: 5 } }
    await world.clock.advance(9_000)
    const { watermark, barrier } = await world.state()
    expect(barrier!.lsn).toBeGreaterThan(before!)
    expect(watermark).toBe(before)
    world.setup.look = look
    await world.clock.advance(5_000)
    const after = await world.state()
    expect(after.watermark).toBeGreaterThan(before!)
    expect(after.doubts).toMatchObject([{ code: 'publication-altered' }])
  })

  test('that is a bug ends the coordinator, and all that it runs before', async () => {
    await world.begin()
    const { beside: others } = partsOf()
    const coordinator = new Coordinator(partsOf({ beside: [...others, failing] }))
    const ended = expect(coordinator.run(world.end.signal)).rejects.toThrow('a bug')
    await settled()
    await world.clock.advance(1_000)
    await ended
    expect(beside.map(({ aborted }) => aborted)).toEqual([true])
  })

  test('that is a bug ends the coordinator once all that it runs has ended', async () => {
    await world.begin()
    let ended = false
    const slow = async (signal: AbortSignal) => {
      await world.clock.sleep(60_000, signal)
      await world.clock.sleep(500)
      ended = true
    }
    const coordinator = new Coordinator(partsOf({ beside: [slow, failing] }))
    const ending = coordinator.run(world.end.signal).catch(() => ended)
    expect(await world.clock.until(ending)).toBe(true)
  })

  test('of a turn that is a bug ends the coordinator as well', async () => {
    world.store.watchable.state = () => Promise.reject(new TypeError('a bug'))
    const coordinator = new Coordinator(partsOf())
    const ended = expect(coordinator.run(world.end.signal)).rejects.toThrow('a bug')
    await world.clock.advance(1_000)
    await ended
  })
})

const failing = () => Promise.reject(new TypeError('a bug'))

describe('a checkpoint that the store has lost', () => {
  const books = 't.public.books/0'
  const doubts = async () => (await world.state()).doubts

  test('is a doubt, raised once, from which the log is gone on with', async () => {
    await world.begin()
    world.outside.grow('books', 10)
    world.data.checkpoints.delete(books)
    run()
    await world.clock.advance(900)
    expect(await doubts()).toMatchObject([
      {
        name: 'checkpoint-missing',
        restart: { how: 'forward', partitions: [books] },
        reason: `the store has no checkpoint of ${books} any more`,
      },
    ])
    expect((await doubts())[0]!.barrier).toBeGreaterThan(1)
    await world.clock.advance(10_000)
    expect((await world.checkpoints()).get(books)?.next).toBe(all(20).get(books))
    expect(world.said.filter((msg) => msg === 'doubt raised')).toHaveLength(1)
  })

  test('is a doubt beside others', async () => {
    await world.begin()
    await world.raise(doubt('slot-altered', 99, { reason: 'x' }))
    world.data.checkpoints.delete(books)
    run()
    await world.clock.advance(900)
    expect((await doubts()).map(({ code }) => code)).toContain('checkpoint-missing')
  })

  test('is none where another epoch was begun meanwhile', async () => {
    await world.begin()
    world.data.checkpoints.delete(books)
    const { writer } = world.store
    world.store.writer = (layout) => ({ ...bound(writer(layout)), raise: async () => false })
    run()
    await world.clock.advance(3_000)
    expect(world.said).not.toContain('doubt raised')
  })

  test('is not looked for where all are there', async () => {
    await world.begin()
    run()
    await world.clock.advance(5_000)
    expect(await doubts()).toEqual([])
  })
})

describe('the lease', () => {
  test('is asked for twice a second while another holds it', async () => {
    await lease('other')
    let claims = 0
    const claim = world.store.coordination.lease.bind(world.store.coordination)
    world.store.coordination.lease = (given) => {
      claims += 1
      return claim(given)
    }
    run()
    await world.clock.advance(2_400)
    expect(claims).toBe(5)
  })
})

const bound = (writer: ViewWriter): ViewWriter => ({
  checkpoints: (epoch) => writer.checkpoints(epoch),
  commit: (commit) => writer.commit(commit),
  raise: (epoch, raised) => writer.raise(epoch, raised),
  report: (place, problem) => writer.report(place, problem),
  displace: (...given) => writer.displace(...given),
})
