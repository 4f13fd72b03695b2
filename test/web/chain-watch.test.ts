import type { Clock } from '../../src/clock.ts'
import { memoryStore } from '../../src/store/memory/memory-store.ts'
import type { ViewReader, ViewStore } from '../../src/store/store.ts'
import { ChainWatch } from '../../src/web/chain-watch.ts'
import { apiOver, moveWatermark, servingStore } from './support.ts'
import { userInformation } from '../../src/views/user-information.ts'

const config = { staleAfterMs: 20_000, statusIntervalMs: 1_000, callTimeoutMs: 50 }
const partition = { topic: 'millrace.public.users', partition: 0 }

function handClock(): Clock & { passMs(ms: number): void } {
  let nowMs = 5_000
  return {
    wallMs: () => 0,
    monotonicMs: () => nowMs,
    sleep: () => Promise.resolve(),
    passMs: (ms) => void (nowMs += ms),
  }
}

function watchOver(reader: Pick<ViewReader, 'status'>) {
  const clock = handClock()
  return { clock, watch: new ChainWatch({ view: 'user-information', reader, clock, config }) }
}

/** A watch that has seen the watermark move. */
async function readyWatch(store: ViewStore) {
  const { clock, watch } = watchOver(store.reader)
  await watch.poll()
  clock.passMs(1_000)
  await moveWatermark(store, '17/0')
  await watch.poll()
  return { clock, watch }
}

test('readiness waits until the watermark was seen to move', async () => {
  const store = await servingStore([], '16/1')
  const { clock, watch } = watchOver(store.reader)
  expect(watch.readiness()).toMatchObject({
    status: 'unavailable',
    reasons: ['the store has not answered yet'],
  })
  await watch.poll()
  clock.passMs(700)
  expect(watch.readiness()).toMatchObject({
    status: 'unavailable',
    reasons: [expect.stringContaining('has not moved in the 700 ms')],
    views: [{ phase: 'serving', watermark: '16/1', ageMs: 700 }],
  })
  await moveWatermark(store, '16/2')
  await watch.poll()
  expect(watch.readiness()).toMatchObject({ status: 'ready', reasons: [] })
})

test('readiness ends when the watermark stands for longer than the bound', async () => {
  const { clock, watch } = await readyWatch(await servingStore([]))
  clock.passMs(19_000)
  await watch.poll()
  expect(watch.readiness()).toMatchObject({ status: 'ready', views: [{ ageMs: 19_000 }] })
  clock.passMs(1_001)
  await watch.poll()
  expect(watch.readiness()).toMatchObject({
    status: 'unavailable',
    reasons: [expect.stringContaining('stood for 20001 ms')],
  })
})

test('readiness is not proven by a watermark that falls, as in a store put back', async () => {
  const [newer, older] = [await servingStore([], '17/0'), await servingStore([], '16/0')]
  let current = newer
  const { watch } = watchOver({ status: () => current.reader.status() })
  await watch.poll()
  current = older
  await watch.poll()
  expect(watch.readiness()).toMatchObject({
    status: 'unavailable',
    views: [{ watermark: '16/0' }],
  })
})

test('readiness ends when the store is away, and says why', async () => {
  const store = await servingStore([])
  let gone = false
  const hang = new Promise<never>(() => undefined)
  const { clock, watch } = watchOver({ status: () => (gone ? hang : store.reader.status()) })
  await watch.poll()
  await moveWatermark(store, '17/0')
  await watch.poll()
  gone = true
  clock.passMs(3_500)
  await watch.poll()
  expect(watch.readiness()).toMatchObject({
    status: 'unavailable',
    reasons: ['the store has not answered for 3500 ms: no answer within 50 ms'],
  })
})

test('readiness is degraded by a mark, and says which', async () => {
  const store = await servingStore([])
  const { watch } = await readyWatch(store)
  const { id } = (await store.writer.generation())!
  await store.writer.mark(id, {
    code: 'below-zero',
    reason: 'a counter fell below zero',
    atMs: 0,
  })
  await watch.poll()
  expect(watch.readiness()).toMatchObject({
    status: 'degraded',
    reasons: [expect.stringContaining('a counter fell below zero')],
    views: [{ mark: { code: 'below-zero', since: '1970-01-01T00:00:00.000Z' }, parked: 0 }],
  })
})

test('readiness ends when a partition stands still', async () => {
  const store = await servingStore([])
  const { watch } = await readyWatch(store)
  const problem = { code: 'column-gone', message: 'no column name', hint: 'Add it', sinceMs: 0 }
  await store.writer.report(partition, problem)
  await watch.poll()
  const { status, reasons, views } = watch.readiness()
  expect(status).toBe('unavailable')
  expect(reasons).toEqual(['partition millrace.public.users/0 stands still: no column name'])
  expect(views[0]!.problems).toEqual([
    {
      partition: 'millrace.public.users/0',
      code: 'column-gone',
      message: 'no column name',
      hint: 'Add it',
      since: '1970-01-01T00:00:00.000Z',
    },
  ])
  await store.writer.report(partition, undefined)
  await watch.poll()
  expect(watch.readiness().status).toBe('ready')
})

test('readiness begins again with each generation', async () => {
  const store = await servingStore([])
  const { watch } = await readyWatch(store)
  const seen = (await store.writer.generation())?.id
  for await (const _ of store.coordination.drop(seen)) {
    await watch.poll()
    expect(watch.readiness()).toMatchObject({
      status: 'unavailable',
      views: [{ phase: 'dropping' }],
    })
  }
  await watch.poll()
  expect(watch.readiness()).toMatchObject({ views: [{ phase: 'absent', watermark: null }] })
})

describe('GET /ready', () => {
  test('answers 503 with the reasons, then 200', async () => {
    const store = await servingStore([])
    const { app, watch } = await apiOver(store.reader)
    await watch.poll()
    const before = await app.inject('/ready')
    expect(before.statusCode).toBe(503)
    expect(before.headers['retry-after']).toBe('2')
    expect(before.json()).toMatchObject({ status: 'unavailable', reasons: [expect.any(String)] })
    await moveWatermark(store, '17/0')
    await watch.poll()
    const after = await app.inject('/ready')
    expect(after.statusCode).toBe(200)
    expect(after.headers['cache-control']).toBe('no-store')
    expect(after.json()).toEqual({
      status: 'ready',
      reasons: [],
      views: [
        {
          name: 'user-information',
          phase: 'serving',
          watermark: '17/0',
          ageMs: expect.any(Number),
          mark: null,
          parked: 0,
          problems: [],
        },
      ],
    })
    await app.close()
  })

  test('shows a view that nobody has built', async () => {
    const { app, watch } = await apiOver(memoryStore(userInformation.layout).reader)
    await watch.poll()
    const answer = await app.inject('/ready')
    expect(answer.statusCode).toBe(503)
    expect(answer.json()).toMatchObject({
      reasons: ['the view user-information has not been built yet'],
    })
    await app.close()
  })
})
