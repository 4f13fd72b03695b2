import { setImmediate as tick } from 'node:timers/promises'
import { pino } from 'pino'
import { GenerationWatch } from '../../src/bootstrap/generation-watch.ts'
import { keepPartition } from '../../src/bootstrap/partition.ts'
import type { Clock } from '../../src/clock.ts'
import { memoryStore } from '../../src/store/memory/memory-store.ts'
import { userInformation as view } from '../../src/views/user-information.ts'
import { SimulatedLog, simulatedDecoder } from '../support/simulated-log.ts'

const clock: Clock = {
  wallMs: () => 0,
  monotonicMs: () => 0,
  sleep: async () => {
    await tick()
  },
}

const like = (id: bigint) => ({ user_id: 7n, tweet_id: id })

/**
 * One worker on the topic `likes`: `before` happens before any barrier, `meanwhile` while the one
 * is taken that the bootstrap ends with.
 */
async function countAfter(
  log: SimulatedLog,
  meanwhile: () => void,
  before: () => void = () => undefined,
): Promise<bigint | undefined> {
  const store = memoryStore(view.layout, clock)
  const stop = new AbortController()
  const silent = pino({ level: 'silent' })
  const watch = new GenerationWatch(store.writer, clock, silent)
  const generation = await store.coordination.open(log.topics)
  const running = [
    watch.run(1, stop.signal),
    keepPartition({
      view,
      table: 'likes',
      reader: log.reader('likes', 0, stop.signal),
      decoder: simulatedDecoder,
      store,
      watch,
      source: log,
      clock,
      log: silent,
      lagMs: 1_000,
      entriesPerPourMax: 10,
      parkedMax: 0,
      identitiesMax: 10_000,
    }),
  ]
  const settle = async () => {
    for (let turn = 0; turn < 50; turn += 1) await tick()
  }
  await settle()
  before()
  await store.coordination.publish(
    generation!.id,
    log.barrier(() => undefined),
  )
  await settle()
  const happenings = [() => undefined, meanwhile]
  await store.coordination.publish(
    generation!.id,
    log.barrier(() => happenings.shift()?.()),
  )
  await settle()
  log.flow(100)
  await settle()
  stop.abort()
  await Promise.all(running)
  for await (const page of store.reader.scan()) return page[0]?.counts['likeCount']
  return undefined
}

const quiet = () => new SimulatedLog({ likes: 1 }, () => 1)

test('a change that is emitted again on both sides of the end counts once', async () => {
  const log = quiet()
  log.write('likes', like(1n), like(1n))
  const count = await countAfter(log, () => {
    log.write('likes', like(2n), like(2n))
    log.write('likes', like(2n), null)
    log.crashConnector()
    // The insert comes again below the end, its delete and tombstone above.
    log.flow(1)
  })
  expect(count).toBe(1n)
})

test('a delete that is emitted again below the end does not undo a later insert', async () => {
  const log = quiet()
  log.write('likes', like(1n), like(1n))
  log.write('likes', like(1n), null)
  const count = await countAfter(log, () => {
    log.write('likes', like(1n), like(1n))
    log.write('likes', like(3n), like(3n))
    log.crashConnector()
    log.flow(1)
  })
  expect(count).toBe(2n)
})

test('a row whose delete was never captured is not counted', async () => {
  const log = quiet()
  log.write('likes', like(1n), like(1n))
  log.write('likes', like(2n), like(2n))
  log.commitConnector()
  log.vanish('likes')
  expect(await countAfter(log, () => undefined)).toBe(1n)
})

test('nor is one whose delete is missed while the connector is down, as the worker reads', async () => {
  const log = quiet()
  log.write('likes', like(1n), like(1n))
  log.write('likes', like(2n), like(2n))
  log.commitConnector()
  const vanish = () => log.vanish('likes')
  expect(await countAfter(log, () => undefined, vanish)).toBe(1n)
})
