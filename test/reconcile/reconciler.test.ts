import { MillraceError } from '../../src/errors.ts'
import { decodePass } from '../../src/reconcile/pass-state.ts'
import { reconcile, type ReconcilerParts } from '../../src/reconcile/reconciler.ts'
import { settled } from '../support/manual-clock.ts'
import { Compared, held } from './look-fixture.ts'

let world: Compared
let running: Promise<void> | undefined

beforeEach(() => {
  world = new Compared()
  running = undefined
})

afterEach(async () => {
  world.end.abort()
  await running?.catch(() => undefined)
})

function run(given: Partial<ReconcilerParts> = {}): Promise<void> {
  const { watch, clock, recorded } = world
  running = reconcile(
    {
      plan: () => world.plan(),
      watch,
      clock,
      log: recorded.log,
      steady: { rowsPerSecond: 10, shareMax: 0.5 },
      fullPaceDailyMs: 60_000,
      ...given,
    },
    world.end.signal,
  )
  return running
}

const pass = async () => decodePass((await world.state()).pass)

/** Failures of the source, one after the other; after them it answers. */
function failing(...failures: readonly Error[]): void {
  world.beforeTruth = (_, asked) => {
    const failure = failures[asked - 1]
    if (failure) throw failure
  }
}

const busy = (message: string) => new MillraceError('source-busy', message, { hint: 'wait' })

test('a view is compared lap after lap', async () => {
  await world.start()
  world.both('1', held('Ada'))
  void run()
  await world.clock.advance(1_000)
  const lap = (await pass())!.lap
  expect(lap).toBeGreaterThan(2)
  world.rows.set('1', held('Ada', 2n))
  await world.clock.advance(1_000)
  expect(world.data.entries.get('1')).toEqual(held('Ada', 2n))
  expect((await pass())!.lap).toBeGreaterThan(lap)
  expect(world.pages.length).toBeLessThan(250)
})

test('what was put right by a turn that was broken off is told by the next one', async () => {
  await world.start()
  world.rows.set('1', held('Ada', 2n))
  let refused = 0
  const plan = () => {
    const { audit } = world.plan()
    return world.plan({
      audit: {
        ...audit,
        look: (asked) => audit.look(asked),
        correct: (step) => audit.correct(step),
        scan: (cursor) => audit.scan(cursor),
        progress: async (step) => (refused++ === 0 ? false : audit.progress(step)),
      },
    })
  }
  void run({ plan })
  await world.clock.advance(2_000)
  expect((await pass())!.statistics).toMatchObject({ wrong: 1, healed: 1 })
  expect(refused).toBeGreaterThan(1)
})

test('comparing begins with the view', async () => {
  void run()
  await world.clock.advance(2_000)
  expect(world.pages).toEqual([])
  await world.start()
  await world.clock.advance(500)
  expect(world.pages.length).toBeGreaterThan(0)
})

test('comparing waits until the set-up was looked at', async () => {
  await world.start()
  const { fingerprint } = world.data.state!
  world.data.state = { ...world.data.state!, fingerprint: undefined }
  await world.watch.ask()
  void run()
  await world.clock.advance(2_000)
  expect(world.pages).toEqual([])
  world.data.state = { ...world.data.state, fingerprint }
  await world.watch.ask()
  await world.clock.advance(500)
  expect(world.pages.length).toBeGreaterThan(0)
})

test('a fault is tried again with growing pauses, and said once', async () => {
  await world.start()
  world.rows.set('1', held('Ada'))
  failing(busy('one'), busy('one'), busy('two'), busy('two'))
  const askedMs: number[] = []
  const inner = world.beforeTruth
  world.beforeTruth = (page, asked) => {
    askedMs.push(world.clock.monotonicMs())
    return inner(page, asked)
  }
  void run()
  await world.clock.advance(30_000)
  const pauses = askedMs.slice(1, 5).map((ms, index) => ms - askedMs[index]!)
  for (const [index, most] of [200, 400, 800, 1_600].entries()) {
    expect(pauses[index]).toBeGreaterThanOrEqual(most / 2)
    expect(pauses[index]).toBeLessThanOrEqual(most)
  }
  const lines = world.recorded.lines.filter(({ msg }) => msg === 'looks wait')
  expect(lines).toMatchObject([
    { level: 'warn', code: 'source-busy', reason: 'one', hint: 'wait' },
    { level: 'warn', code: 'source-busy', reason: 'two', hint: 'wait' },
  ])
})

test('after a success a fault is said again, and pauses are short again', async () => {
  await world.start()
  world.both('1', held('Ada'))
  const failAt = new Set([1, 2, 3, 4, 5, 6, 8])
  const askedMs: number[] = []
  world.beforeTruth = (page, asked) => {
    if (page.kind === 'range') askedMs.push(world.clock.monotonicMs())
    if (failAt.has(asked)) throw busy('one')
  }
  void run()
  await world.clock.advance(30_000)
  expect(world.said.filter((msg) => msg === 'looks wait').length).toBe(2)
  expect(askedMs[8]! - askedMs[7]!).toBeLessThanOrEqual(200)
  expect(askedMs[6]! - askedMs[5]!).toBeGreaterThan(2_000)
})

test('a look that is void is no fault to speak of, and the state is asked for', async () => {
  await world.start()
  world.both('1', held('Ada'))
  failing(new MillraceError('look-void', 'it is'))
  let asked = 0
  const { ask } = world.watch
  world.watch.ask = () => {
    asked += 1
    return ask.call(world.watch)
  }
  void run()
  await world.clock.advance(90)
  expect(asked).toBe(0)
  await world.clock.advance(200)
  expect(asked).toBeGreaterThan(0)
  expect(world.said).not.toContain('looks wait')
  expect((await pass())!.lap).toBeGreaterThan(0)
})

test('a store that can not be asked for the state for a moment holds up nothing', async () => {
  await world.start()
  world.both('1', held('Ada'))
  failing(busy('one'))
  const ask = world.watch.ask.bind(world.watch)
  let asked = 0
  world.watch.ask = () => {
    asked += 1
    return asked > 2 ? ask() : Promise.reject(new MillraceError('store-away', 'away'))
  }
  void run()
  await world.clock.advance(5_000)
  expect(asked).toBeGreaterThan(2)
  expect((await pass())?.lap).toBeGreaterThanOrEqual(1)
})

test('a bug ends it', async () => {
  await world.start()
  failing(new TypeError('a bug'))
  await expect(run()).rejects.toThrow('a bug')
})

test('a fault that its end brings is not spoken of', async () => {
  await world.start()
  const plan = () => {
    world.end.abort()
    throw busy('the connection was closed')
  }
  await run({ plan })
  expect(world.recorded.lines).toEqual([])
})

test('it ends with the signal, also in the middle of a look, without a word', async () => {
  await world.start()
  world.beforeTruth = () => world.clock.sleep(5_000, world.end.signal)
  let over = false
  void run().then(() => (over = true))
  await settled()
  expect(world.pages.length).toBe(1)
  world.end.abort()
  await settled()
  expect(over).toBe(true)
  expect(world.said).toEqual([])
})
