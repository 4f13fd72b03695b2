import { doubt } from '../../src/coordinate/setup-doubts.ts'
import { Restarts } from '../../src/coordinate/restarts.ts'
import type { Doubt, DoubtCode, ViewState } from '../../src/store/state.ts'
import { lsnFromInteger, parseLsn } from '../../src/position.ts'
import { at } from '../support/library.ts'
import { checkpoint, elsewhere } from '../store/store-fixture.ts'
import { all, partitions, topics, World } from './coordination-fixture.ts'

let world: World
let restarts: Restarts

beforeEach(async () => {
  world = new World()
  await world.begin({ next: 20 })
  restarts = new Restarts(world.parts)
})

const books = 't.public.books/0'

function broken(
  code: DoubtCode,
  how: 'forward' | 'anew',
  these: readonly string[] = [books],
): Doubt {
  return doubt(code, 2, {
    reason: `${code} it is`,
    what: these.join(),
    tables: ['books'],
    restart: { how, partitions: these },
  })
}

async function look(): Promise<ViewState> {
  await world.clock.until(restarts.look((await world.watch.ask())!))
  return (await world.watch.ask())!
}

async function nexts(): Promise<bigint[]> {
  const found = await world.checkpoints()
  return partitions.map((name) => found.get(name)!.next)
}

const count = (what: string) => world.outside.asked.filter((each) => each === what).length

test('a view that can be continued from is left alone', async () => {
  const raised = await world.raise(doubt('slot-altered', 2, { reason: 'x' }))
  await world.publish(world.barrier(9, 30))
  expect(await look()).toMatchObject({ epoch: raised.epoch, doubts: raised.doubts })
  expect(world.outside.asked).toEqual([])
})

test.each([
  ['source-replaced', 0x20n],
  ['partitions-changed', 0x5000n],
] as const)('after %s the watermark falls or not', async (code, expected) => {
  const { epoch } = await world.state()
  const high = world.barrier(2, 10, { lsn: parseLsn('0/5000') })
  expect(await world.store.coordination.advance(epoch, high, 0)).toBe(true)
  await world.raise(broken(code, 'forward', []))
  await look()
  await look()
  await world.publish(world.barrier(4, 20))
  const turned = await look()
  expect(turned.epoch).not.toBe(epoch)
  const low = world.barrier(4, 20)
  expect(await world.store.coordination.advance(turned.epoch, low, 0)).toBe(true)
  expect((await world.state()).watermark).toBe(lsnFromInteger(expected))
})

test('a partition is continued from a barrier that was begun after that was known', async () => {
  const { epoch } = await world.raise(broken('window-full', 'forward'))
  await world.publish(world.barrier(2, 25))
  expect((await look()).epoch).toBe(epoch)
  // Number 3 may have been begun by another process already.
  await world.publish(world.barrier(3, 26))
  expect((await look()).epoch).toBe(epoch)
  await world.publish(world.barrier(4, 27))
  const turned = await look()
  expect(turned.epoch).not.toBe(epoch)
  expect(await nexts()).toEqual([20n, 27n, 20n])
  expect((await world.checkpoints()).get(books)).toEqual(
    checkpoint(27, { windowFrom: at(27), last: undefined }),
  )
  expect(turned).toMatchObject({ topics })
  expect(turned.declarations).toHaveLength(1)
  expect(world.recorded.lines).toMatchObject([
    { level: 'warn', epoch: turned.epoch, reasons: ['window-full it is'] },
  ])
  expect(count('restart')).toBe(0)
})

test('a partition begins where the barrier began, and the newest one that fits is taken', async () => {
  await world.raise(broken('log-start-passed', 'forward'))
  await look()
  await world.publish(world.barrier(4, 30, { ends: all(99) }))
  await world.publish(world.barrier(5, 40, { ends: all(99) }))
  await look()
  expect(await nexts()).toEqual([20n, 40n, 20n])
})

test('a doubt that was restarted for is left to looks behind that barrier', async () => {
  const other = doubt('slot-altered', 8, { reason: 'x' })
  const offsets = new Map([[books, at(15)]])
  const raised = await world.raise({ ...broken('window-full', 'forward'), offsets }, other)
  await look()
  await world.publish(world.barrier(4, 27))
  const { doubts } = await look()
  expect(doubts).toEqual([
    { ...raised.doubts[0], restart: undefined, offsets: new Map(), barrier: 4 },
    { ...raised.doubts[1], barrier: 8 },
  ])
})

test('offsets of earlier barriers, which may be those of another log, are forgotten', async () => {
  await world.raise(broken('window-full', 'forward'))
  await look()
  await world.publish(world.barrier(4, 27))
  await world.publish(world.barrier(5, 28))
  await world.publish(world.barrier(6, 29, { history: 'another' }))
  await look()
  const numbers = (await world.store.watchable.barriers()).map(({ number }) => number)
  expect(numbers).toEqual([5, 6])
  expect(world.watch.barriers.map(({ number }) => number)).toEqual([5, 6])
})

test('whoever asks right after the epoch has turned meets no earlier barrier', async () => {
  await world.raise(broken('another-log', 'anew'))
  await look()
  await look()
  await world.publish(world.barrier(4, 27))
  const { turn } = world.store.coordination
  world.store.coordination.turn = async (given) => {
    const epoch = await turn.call(world.store.coordination, given)
    await world.watch.ask()
    return epoch
  }
  const { epoch } = await world.state()
  expect((await look()).epoch).not.toBe(epoch)
  expect(world.watch.barriers.map(({ number }) => number)).toEqual([4])
})

test.each<[DoubtCode, 'forward' | 'anew', bigint]>([
  ['another-log', 'anew', 5n],
  ['partitions-changed', 'forward', 20n],
  ['source-replaced', 'forward', 20n],
])('for %s the connector is restarted once, and has to run', async (code, how, next) => {
  await world.raise(broken(code, how))
  world.outside.status = { state: 'starting', reason: undefined }
  await look()
  await look()
  await world.publish(world.barrier(4, 5))
  const { epoch } = await look()
  expect(count('restart')).toBe(1)
  world.outside.status = { state: 'running', reason: undefined }
  await look()
  expect((await world.state()).epoch).toBe(epoch)
  // Those that were begun before the connector ran do not count.
  await world.publish(world.barrier(5, 5))
  expect((await look()).epoch).toBe(epoch)
  await world.publish(world.barrier(6, 5))
  expect((await look()).epoch).not.toBe(epoch)
  expect(count('restart')).toBe(1)
  expect(await nexts()).toEqual([20n, next, 20n])
})

test('views of one process that need it restarted at once have it restarted once', async () => {
  const state = await world.raise(broken('another-log', 'anew'))
  const other = new Restarts(world.parts)
  await world.clock.until(Promise.all([restarts.look(state), other.look(state)]))
  expect(count('restart')).toBe(1)
  for (const each of [restarts, other]) await each.look(state)
  expect(count('status')).toBe(2)
})

test('a doubt that is raised again meanwhile does not begin all anew', async () => {
  await world.raise(broken('another-log', 'anew'))
  await look()
  await world.raise(broken('another-log', 'anew'))
  await look()
  expect(count('restart')).toBe(1)
  await world.publish(world.barrier(2, 5))
  const { epoch } = await world.raise(broken('another-log', 'anew'))
  expect((await look()).epoch).toBe(epoch)
  await world.raise(broken('another-log', 'anew'))
  await world.publish(world.barrier(3, 5))
  expect((await look()).epoch).not.toBe(epoch)
  expect(count('restart')).toBe(1)
})

test('a doubt that comes again later is dealt with anew', async () => {
  await world.raise(broken('another-log', 'anew'))
  await look()
  await look()
  await world.publish(world.barrier(4, 5))
  await look()
  await world.raise(broken('another-log', 'anew'))
  const { epoch } = await look()
  expect(count('restart')).toBe(2)
  await look()
  await world.publish(world.barrier(5, 6))
  expect((await look()).epoch).toBe(epoch)
  await world.publish(world.barrier(6, 7))
  expect((await look()).epoch).not.toBe(epoch)
  expect(await nexts()).toEqual([20n, 7n, 20n])
})

test('a doubt that somebody else has ended is dealt with anew when it comes again', async () => {
  await world.raise(broken('another-log', 'anew'))
  await look()
  await look()
  world.data.state = { ...(await world.state()), doubts: [] }
  await look()
  await world.publish(world.barrier(4, 5))
  const { epoch } = await world.raise(broken('another-log', 'anew'))
  expect((await look()).epoch).toBe(epoch)
  expect(count('restart')).toBe(2)
  await look()
  await world.publish(world.barrier(5, 6))
  expect((await look()).epoch).toBe(epoch)
  await world.publish(world.barrier(6, 7))
  expect((await look()).epoch).not.toBe(epoch)
})

test('a doubt that comes again where somebody else has turned the epoch is dealt with anew', async () => {
  const { epoch } = await world.raise(broken('another-log', 'anew'))
  await look()
  await look()
  await world.publish(world.barrier(4, 5))
  await restarts.look({ ...(await world.state()), epoch: elsewhere })
  expect((await look()).epoch).toBe(epoch)
  expect(count('restart')).toBe(2)
  await look()
  await world.publish(world.barrier(6, 7))
  expect((await look()).epoch).not.toBe(epoch)
})

test('a doubt that comes beside another waits for a barrier of its own', async () => {
  await world.raise(broken('window-full', 'forward'))
  await look()
  await world.raise(broken('log-start-passed', 'forward', [partitions[0]!]))
  await world.publish(world.barrier(4, 30))
  const { epoch } = await look()
  await world.publish(world.barrier(5, 31))
  expect((await look()).epoch).toBe(epoch)
  await world.publish(world.barrier(6, 32))
  expect((await look()).epoch).not.toBe(epoch)
  expect(await nexts()).toEqual([32n, 32n, 20n])
})

test('a doubt in the place of another waits for a barrier of its own', async () => {
  await world.raise(broken('window-full', 'forward'))
  await look()
  world.data.state = { ...world.data.state!, doubts: [] }
  await world.raise(broken('log-start-passed', 'forward', [partitions[0]!]))
  await world.publish(world.barrier(4, 30))
  const { epoch } = await look()
  await world.publish(world.barrier(5, 31))
  expect((await look()).epoch).toBe(epoch)
  await world.publish(world.barrier(6, 32))
  expect((await look()).epoch).not.toBe(epoch)
})

test('two doubts that are raised again in turn are dealt with together', async () => {
  const [first, second] = [
    broken('another-log', 'anew'),
    broken('another-log', 'anew', [partitions[0]!]),
  ]
  await world.raise(first, second)
  await look()
  await world.raise(first)
  await look()
  await world.raise(second)
  await world.publish(world.barrier(3, 5))
  const { epoch } = await world.state()
  expect((await look()).epoch).not.toBe(epoch)
  expect(await nexts()).toEqual([5n, 5n, 20n])
  expect(count('restart')).toBe(1)
})

test('a barrier of another history is of no use', async () => {
  const { epoch } = await world.raise(broken('window-full', 'forward'))
  await look()
  await world.publish(world.barrier(4, 27, { history: '7/2' }))
  expect((await look()).epoch).toBe(epoch)
})

test('added partitions are waited for, and begin at the barrier', async () => {
  const topic = 't.public.books'
  world.outside.topics[topic] = { ...world.outside.topics[topic]!, partitions: 2 }
  world.data.state = { ...world.data.state!, fingerprint: await world.fingerprint() }
  const { epoch } = await world.raise(
    broken('partitions-changed', 'forward', [books, `${topic}/1`]),
  )
  await look()
  await look()
  await world.publish(world.barrier(4, 27))
  expect((await look()).epoch).toBe(epoch)
  const from = new Map([...all(28), [`${topic}/1`, at(3)] as const])
  await world.publish(world.barrier(5, 28, { from }))
  const turned = await look()
  expect(turned.topics).toEqual({ ...topics, [topic]: 2 })
  const found = await world.checkpoints()
  expect(found.get(`${topic}/1`)).toMatchObject({ next: 3n })
  expect(await nexts()).toEqual([20n, 28n, 20n])
})

test('an epoch that another has turned is left as it is', async () => {
  const { epoch } = await world.raise(broken('window-full', 'forward'))
  await look()
  await world.publish(world.barrier(4, 27))
  await restarts.look({ ...(await world.state()), epoch: elsewhere })
  expect((await world.state()).epoch).toBe(epoch)
  expect(world.said).toEqual([])
})

test('nothing is turned where no doubt asks for it, however many barriers come', async () => {
  const { epoch } = await world.raise(doubt('slot-altered', 2, { reason: 'x' }))
  await look()
  await world.publish(world.barrier(30, 30))
  expect((await look()).epoch).toBe(epoch)
})

test('one of several doubts that needs a restarted connector is enough', async () => {
  await world.raise(broken('window-full', 'forward'), broken('source-replaced', 'forward', []))
  await look()
  expect(count('restart')).toBe(1)
  const low = { lsn: parseLsn('0/10') }
  const { epoch } = await world.state()
  const high = world.barrier(2, 10, { lsn: parseLsn('0/5000') })
  await world.store.coordination.advance(epoch, high, 0)
  await look()
  await world.publish(world.barrier(4, 20, low))
  const turned = await look()
  expect(turned.epoch).not.toBe(epoch)
  await world.store.coordination.advance(turned.epoch, world.barrier(4, 20, low), 0)
  expect((await world.state()).watermark).toBe(parseLsn('0/10'))
})
