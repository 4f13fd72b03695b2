import { begin } from '../../src/coordinate/beginning.ts'
import { Coordinator } from '../../src/coordinate/coordinator.ts'
import { Retention } from '../../src/coordinate/retention.ts'
import { keptDeclaration, ownView } from '../../src/coordinate/view-plan.ts'
import { dayMs, dayStart, daysKept, libraryDays } from '../support/library-days.ts'
import { World } from './coordination-fixture.ts'

let world: World
let retention: Retention
/** What the source's clock said at the last barrier. */
let sourceMs: number

beforeEach(async () => {
  world = new World(libraryDays)
  await world.begin({ keepFrom: dayStart('2026-09-20') })
  retention = new Retention(world.parts)
  sourceMs = Date.parse('2026-11-20T12:00:00Z')
})

/** A barrier after so many days of the source's clock, seen by the coordinator. */
async function afterDays(days: number): Promise<string | undefined> {
  sourceMs += days * dayMs
  const { barrier } = await world.state()
  await world.publish(world.barrier(barrier!.number + 1, 10, { takenAtMs: sourceMs }))
  return seen()
}

/** The bound as a day, after another look. */
async function seen(): Promise<string | undefined> {
  await retention.look(await world.state())
  const { keepFrom } = await world.state()
  return keepFrom === undefined
    ? undefined
    : new Date(keepFrom * 1_000).toISOString().replace('T00:00:00.000Z', '')
}

const problems = async () =>
  [...(await world.store.reader(libraryDays.layout, '').status()).problems].map(
    ([place, { code, hint }]) => [place, code, hint],
  )

const waitDays = (days: number) => world.clock.advance(days * dayMs)

const letGo = (day: string) =>
  world.store.watchable.want(() => ({
    declaration: world.own.id,
    adopt: true,
    prune: false,
    sweep: [],
    letGo: dayStart(day),
  }))

test('the bound follows the source clock by whole windows, and never falls', async () => {
  expect(await afterDays(0)).toBe('2026-09-21')
  expect(await afterDays(0.4)).toBe('2026-09-21')
  expect(await afterDays(0.2)).toBe('2026-09-22')
  expect(await afterDays(-3)).toBe('2026-09-22')
  expect(await afterDays(4)).toBe('2026-09-23')
  expect(await problems()).toEqual([])
})

test('a source clock that leaps raises nothing, which is said, until it is right again', async () => {
  await afterDays(0)
  expect(await afterDays(7)).toBe('2026-09-21')
  expect(await seen()).toBe('2026-09-21')
  expect(await problems()).toEqual([
    ['keep', 'keep-held', expect.stringContaining('`millrace apply --let-go library-days`')],
  ])
  const lines = world.recorded.lines.filter(({ msg }) => msg === 'old entries stay')
  expect(lines).toHaveLength(1)
  expect(lines[0]).toMatchObject({
    reason:
      'entries from 2026-09-21T00:00:00.000000Z up to 2026-09-28T00:00:00.000000Z would go at ' +
      'once, 7 days of them: they stay',
  })
  await waitDays(1)
  expect(await afterDays(-6)).toBe('2026-09-22')
  expect(await problems()).toEqual([])
})

test('a tenth of the time for which entries are kept may pass at once', async () => {
  await afterDays(0)
  expect(await afterDays(6)).toBe('2026-09-27')
})

test('where a window is longer than that, one window may', async () => {
  world = new World(daysKept('2 days'))
  await world.begin({ keepFrom: dayStart('2026-11-17') })
  retention = new Retention(world.parts)
  expect(await afterDays(0)).toBe('2026-11-18')
  expect(await afterDays(1)).toBe('2026-11-19')
  expect(await afterDays(2)).toBe('2026-11-19')
})

test('time that has passed here may have passed in the source', async () => {
  await afterDays(0)
  await waitDays(20)
  expect(await afterDays(20)).toBe('2026-10-11')
  // No barrier tells of the source's clock meanwhile, however often one looks.
  for (let day = 0; day < 20; day += 1) {
    await waitDays(1)
    await seen()
  }
  expect(await afterDays(20)).toBe('2026-10-31')
})

test('a process that has not seen the time pass holds the bound', async () => {
  await afterDays(0)
  await waitDays(20)
  retention = new Retention(world.parts)
  expect(await afterDays(20)).toBe('2026-09-21')
})

test('the word of a person lets the bound leap as far as it says', async () => {
  await afterDays(0)
  await letGo('2026-10-04')
  expect(await afterDays(20)).toBe('2026-09-21')
  await letGo('2026-10-05')
  expect(await seen()).toBe('2026-10-11')
  expect(await problems()).toEqual([])
})

test('the word of a person covers no leap beyond it, however long the bound was held', async () => {
  await afterDays(0)
  await waitDays(30)
  await letGo('2026-10-21')
  expect(await afterDays(50)).toBe('2026-09-21')
  expect(await afterDays(-20)).toBe('2026-10-21')
})

test('a bound that was right before the store was put back is raised again', async () => {
  await afterDays(0)
  const { keepFrom } = await world.state()
  await waitDays(20)
  await afterDays(20)
  world.data.state = { ...world.data.state!, keepFrom }
  expect((await world.state()).keepFrom).toBe(dayStart('2026-09-21'))
  expect(await afterDays(0)).toBe('2026-10-11')
})

test('of several declarations the one that keeps for the longest counts', async () => {
  const { data } = world
  data.state = { ...data.state!, keepFrom: dayStart('2026-09-10') }
  const with2 = (keep: string | undefined) => {
    const other = keptDeclaration(ownView(daysKept(keep)), data.state!)
    const [first] = data.state!.declarations
    data.state = { ...data.state!, declarations: [first!, other] }
  }
  with2('70 days')
  expect(await afterDays(0)).toBe('2026-09-11')
  with2('30 days')
  expect(await afterDays(0)).toBe('2026-09-11')
  expect(await problems()).toHaveLength(1)
  with2(undefined)
  expect(await afterDays(1)).toBe('2026-09-11')
  expect(await problems()).toEqual([])
})

test('a view that keeps all of its entries has no bound', async () => {
  world = new World(daysKept(undefined))
  await world.begin()
  retention = new Retention(world.parts)
  expect(await afterDays(0)).toBeUndefined()
  expect(await problems()).toEqual([])
})

test('a view that kept all of its entries lets none go without the word of a person', async () => {
  world = new World(daysKept(undefined))
  await world.begin()
  world.data.state = {
    ...world.data.state!,
    declarations: [keptDeclaration(ownView(daysKept('60 days')), { declarations: [] })],
  }
  retention = new Retention(world.parts)
  expect(await afterDays(0)).toBeUndefined()
  expect(await afterDays(1)).toBeUndefined()
  expect(await problems()).toEqual([
    ['keep', 'keep-held', expect.stringContaining('`millrace apply --let-go library-days`')],
  ])
  expect(world.recorded.lines.find(({ msg }) => msg === 'old entries stay')).toMatchObject({
    reason: 'all entries up to 2026-09-21T00:00:00.000000Z would go at once: they stay',
  })
  await letGo('2026-09-22')
  expect(await seen()).toBe('2026-09-22')
  expect(await afterDays(1)).toBe('2026-09-23')
  expect(await problems()).toEqual([])
})

test('another bound than the one that was asked about is left alone', async () => {
  await afterDays(0)
  const old = await world.state()
  await afterDays(3)
  const { barrier } = await world.state()
  await retention.look({ ...old, barrier })
  expect((await world.state()).keepFrom).toBe(dayStart('2026-09-24'))
})

test('a view is begun with its bound, and a coordinator raises it', async () => {
  world = new World(libraryDays)
  await world.clock.until(begin(world.parts, world.end.signal))
  const bound = (ms: number) => (Math.floor(ms / dayMs) - 60) * 86_400
  expect((await world.state()).keepFrom).toBe(bound(world.clock.wallMs()))
  const { parts, clock } = world
  const coordinator = new Coordinator({
    ...parts,
    beside: [],
    holder: 'one',
    leaseMs: 3_000,
    setupIntervalMs: 1_000,
  })
  const running = coordinator.run(world.end.signal)
  await clock.advance(5_000)
  clock.setWall(2 * dayMs)
  await clock.advance(10_000)
  expect((await world.state()).keepFrom).toBe(bound(clock.wallMs()))
  world.end.abort()
  await clock.until(running)
})
