import { Barriers } from '../../src/coordinate/barriers.ts'
import { ConnectorTask } from '../../src/coordinate/connector-task.ts'
import { Coordinator } from '../../src/coordinate/coordinator.ts'
import { doubt } from '../../src/coordinate/setup-doubts.ts'
import { ViewWatch } from '../../src/store/view-watch.ts'
import { neverArrives } from '../support/fake-outside.ts'
import { partitions, World } from './coordination-fixture.ts'

let world: World
let running: Promise<void>[]

beforeEach(async () => {
  world = new World()
  running = []
  await world.begin()
})

afterEach(async () => {
  world.end.abort()
  for (const each of running) await world.clock.until(each)
})

/** Coordinates the view as a process of its own does. */
function run(holder = 'one'): void {
  const { clock, store, outside } = world
  const { log } = world.recorded
  const watch = new ViewWatch(store.watchable, clock, log)
  const barriers = new Barriers(world.barriersParts({ watch }))
  const connectorTask = new ConnectorTask({ connect: outside.connect, clock, log })
  const times = { leaseMs: 3_000, setupIntervalMs: 1_000 }
  const own = { watch, barriers, connectorTask, holder, beside: [] }
  running.push(new Coordinator({ ...world.parts, ...times, ...own }).run(world.end.signal))
}

describe('the lease', () => {
  test('is kept while Connect is late, so that two workers do not restart the connector in turn', async () => {
    const { connect } = world.outside
    const { settings, restart } = connect
    let stoppedAtMs = 0
    connect.restart = async () => {
      stoppedAtMs = world.clock.monotonicMs() + 4_000
      await restart()
    }
    // Connect tells no settings while it waits for a task to stop.
    connect.settings = async () => {
      await world.clock.sleep(Math.max(0, stoppedAtMs - world.clock.monotonicMs()))
      return settings()
    }
    const anew = { how: 'anew', partitions: [partitions[1]!] } as const
    await world.raise(doubt('another-log', 0, { reason: 'x', restart: anew }))
    run('one')
    run('two')
    await world.clock.advance(40_000)
    expect(world.outside.asked.filter((each) => each === 'restart')).toHaveLength(1)
    expect((await world.state()).doubts).toMatchObject([{ restart: undefined }])
  })

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
