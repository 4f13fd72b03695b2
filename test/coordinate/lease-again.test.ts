import { Coordinator } from '../../src/coordinate/coordinator.ts'
import { doubt } from '../../src/coordinate/setup-doubts.ts'
import { neverArrives } from '../support/fake-outside.ts'
import { partitions, World } from './coordination-fixture.ts'

let world: World
let running: Promise<void>

beforeEach(async () => {
  world = new World()
  await world.begin()
})

afterEach(async () => {
  world.end.abort()
  await world.clock.until(running)
})

function run(): void {
  const times = { leaseMs: 3_000, setupIntervalMs: 1_000 }
  const coordinator = new Coordinator({ ...world.parts, ...times, beside: [], holder: 'one' })
  running = coordinator.run(world.end.signal)
}

describe('the lease', () => {
  test('that is taken again begins anew what has to be done about a log that is another one', async () => {
    const restarted = () => world.outside.asked.filter((each) => each === 'restart').length
    world.outside.status = { state: 'starting', reason: undefined }
    const restart = { how: 'anew', partitions: [partitions[1]!] } as const
    await world.raise(doubt('another-log', 0, { reason: 'x', restart }))
    run()
    await world.clock.advance(5_000)
    expect(restarted()).toBe(1)
    world.data.lease = { ...world.data.lease!, holder: 'two', untilMs: Infinity }
    await world.clock.advance(5_000)
    world.data.lease = undefined
    await world.clock.advance(5_000)
    expect(restarted()).toBe(2)
  })

  test('that is taken again looks anew at what a declaration needs that is to be brought in', async () => {
    const [kept] = (await world.state()).declarations
    world.data.state = { ...world.data.state!, declarations: [{ ...kept!, id: 'older' }] }
    const wish = { declaration: world.own.id, adopt: true, prune: false, sweep: [] }
    await world.store.watchable.want(() => wish)
    world.outside.arrives = neverArrives
    run()
    await world.clock.advance(2_000)
    const { declaration } = world.data.lease!
    world.data.lease = { declaration, holder: 'two', untilMs: Infinity }
    await world.clock.advance(5_000)
    world.outside.faults = [{ table: 'books', what: 'books has no column author', mend: undefined }]
    world.outside.arrives = async () => true
    world.data.lease = undefined
    await world.clock.advance(5_000)
    expect((await world.state()).declarations).toHaveLength(1)
    world.outside.faults = []
    await world.clock.advance(15_000)
    expect((await world.state()).declarations).toHaveLength(2)
  })
})
