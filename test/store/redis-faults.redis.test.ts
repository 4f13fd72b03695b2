import { setTimeout as sleep } from 'node:timers/promises'
import { MillraceError } from '../../src/errors.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { openRedisStore } from '../../src/store/redis/redis-store.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'
import { add, put, userLayout } from '../support/view-layouts.ts'
import { until } from '../support/wait.ts'
import { callTimeoutMs, redisHarness, type RedisHarness } from './redis-harness.ts'
import {
  aBarrier,
  aCommit,
  aParked,
  checkpoint,
  dropAll,
  everyEntry,
  manyPuts,
  offset,
  one,
  serving,
  storeForEachTest,
} from './store-fixture.ts'

const state = 'millrace:user-information'
let harness: RedisHarness
let store: ViewStore
const closeAfterwards = storeForEachTest(redisHarness, (...parts) => {
  ;[harness, store] = parts
})

afterEach(async () => {
  await harness.redis.config('SET', 'maxmemory', '0', 'maxmemory-policy', 'noeviction')
})

async function openThrough(url: string, timeoutMs = callTimeoutMs): Promise<ViewStore> {
  const client = await openRedisStore({ url, layout: userLayout, callTimeoutMs: timeoutMs })
  closeAfterwards(client)
  return client
}

/** Every key and what is in it, as Redis would save it. */
async function everything() {
  const keys = (await harness.redis.keys('*')).toSorted((a, b) => Number(a > b) - Number(a < b))
  return Promise.all(keys.map(async (key) => [key, await harness.redis.dumpBuffer(key)]))
}

test('a reply that was lost does not count twice', async () => {
  await using proxy = await tcpProxy(harness.server.url)
  const id = await serving(store, [put('1')])
  const client = await openThrough(proxy.through(harness.server.url))
  for (let at = 10; at < 18; at++) {
    const mutations = [add('1', { likeCount: 1n })]
    const commit = aCommit(id, { from: offset(at), to: checkpoint(at + 1), mutations })
    if (at % 2 === 0) proxy.cutOnNext('down')
    // The client sends again what was cut off: applied before, it conflicts at the new checkpoint.
    const result = await client.writer.commit(commit)
    const lost = { kind: 'conflict', found: checkpoint(at + 1) }
    expect(result).toEqual(at % 2 === 0 ? lost : { kind: 'applied', belowZero: [], parked: 0 })
  }
  expect((await one(store, '1'))?.counts.likeCount).toBe(8n)
  expect(proxy.connections()).toBe(5)
})

test.each(['up', 'down'] as const)(
  'silence %s ends in time, and may be asked again',
  async (way) => {
    await using proxy = await tcpProxy(harness.server.url)
    const id = await serving(store, [put('1')])
    const client = await openThrough(proxy.through(harness.server.url), 300)
    proxy.drop(way)
    const commit = aCommit(id, { mutations: [add('1', { likeCount: 1n })] })
    const away = { code: 'store-away', retriable: true }
    const began = performance.now()
    await expect(client.writer.commit(commit)).rejects.toMatchObject(away)
    await expect(client.reader.read(['1'])).rejects.toMatchObject(away)
    expect(performance.now() - began).toBeLessThan(1_500)
    proxy.heal()
    proxy.cut()
    await expect(eventually(() => client.reader.read(['1']))).resolves.toBeTruthy()
    const { kind } = await client.writer.commit(commit).catch(() => client.writer.commit(commit))
    expect(['applied', 'conflict']).toContain(kind)
    expect((await one(store, '1'))?.counts.likeCount).toBe(1n)
  },
)

test('while Redis is away calls fail at once, and afterwards they go through', async () => {
  await using proxy = await tcpProxy(harness.server.url)
  await serving(store, [put('1')])
  const client = await openThrough(proxy.through(harness.server.url))
  proxy.refuse()
  await sleep(50)
  const away = { code: 'store-away', retriable: true }
  for (let tries = 0; tries < 3; tries++) {
    const began = performance.now()
    await expect(client.reader.read(['1'])).rejects.toMatchObject(away)
    expect(performance.now() - began).toBeLessThan(callTimeoutMs)
  }
  await expect(openThrough(proxy.through(harness.server.url), 300)).rejects.toMatchObject(away)
  proxy.heal()
  await expect(eventually(() => client.reader.read(['1']))).resolves.toMatchObject({
    kind: 'serving',
  })
})

test.each([
  ['an entry', 'user-information:2'],
  ['the checkpoints', `${state}:checkpoints`],
  ['the parked records', `${state}:parked`],
  ['the state', state],
])('%s of a wrong type stops a commit before anything is written', async (_, key) => {
  const id = await serving(store, [put('1')])
  await harness.redis.set(key, 'by hand')
  const before = await everything()
  const mutations = [put('1', { name: 'new' }), add('2', { likeCount: 1n }), put('3')]
  const commit = aCommit(id, { mutations, parked: [aParked(11)] })
  const refused = { code: 'store-type', retriable: false, message: expect.stringContaining(key) }
  await expect(store.writer.commit(commit)).rejects.toMatchObject(refused)
  expect(await everything()).toEqual(before)
})

test.each(['x', '1.5', '01', '-0', ' 1', '', '9223372036854775808', '1e3'])(
  'a counter that reads %j stops a commit before anything is written',
  async (text) => {
    const id = await serving(store, [put('1'), put('2')])
    await harness.redis.hset('user-information:2', 'like-count', text)
    const before = await everything()
    const mutations = [put('1', { name: 'new' }), add('2', { likeCount: 1n })]
    const refused = { code: 'store-type', message: expect.stringContaining('user-information:2') }
    await expect(store.writer.commit(aCommit(id, { mutations }))).rejects.toMatchObject(refused)
    expect(await everything()).toEqual(before)
  },
)

test('a checkpoint that does not parse stops a commit, and is named', async () => {
  const id = await serving(store)
  const refused = { code: 'store-type' }
  for (const text of ['{', '7']) {
    await harness.redis.hset(`${state}:checkpoints`, 'users/0', text)
    await expect(store.writer.commit(aCommit(id))).rejects.toMatchObject(refused)
    const advancing = store.coordination.advance(id, aBarrier('0/20', 1))
    await expect(advancing).rejects.toMatchObject(refused)
  }
})

test('a read names the key of a wrong type', async () => {
  await serving(store, [put('1')])
  await harness.redis.del('user-information:1')
  await harness.redis.set('user-information:1', 'by hand')
  const refused = { code: 'store-type', message: expect.stringContaining('user-information:1') }
  await expect(store.reader.read(['1'])).rejects.toMatchObject(refused)
})

test('a full Redis takes nothing, and the same commit later', async () => {
  const id = await serving(store, manyPuts(0, 100))
  await harness.redis.config('SET', 'maxmemory', '1000000')
  const commit = aCommit(id, { mutations: manyPuts(50, 100), parked: [aParked(1)] })
  const before = await everything()
  const full = { code: 'store-full', retriable: true }
  await expect(store.writer.commit(commit)).rejects.toMatchObject(full)
  expect(await everything()).toEqual(before)
  expect((await one(store, '1'))?.key).toBe('1')
  await harness.redis.config('SET', 'maxmemory', '0')
  expect((await store.writer.commit(commit)).kind).toBe('applied')
  await harness.redis.config('SET', 'maxmemory', '1000000')
  await dropAll(store)
  expect(await harness.redis.dbsize()).toBe(0)
})

test('a read-only Redis takes nothing and may be asked again', async () => {
  const id = await serving(store, [put('1')])
  await harness.redis.replicaof('127.0.0.1', 1)
  try {
    const away = { code: 'store-away', retriable: true }
    await expect(store.writer.commit(aCommit(id))).rejects.toMatchObject(away)
  } finally {
    await harness.redis.replicaof('NO', 'ONE')
  }
  expect((await eventually(() => store.writer.commit(aCommit(id)))).kind).toBe('applied')
})

test('a Redis that evicts after it came back is not used until that is mended', async () => {
  await using proxy = await tcpProxy(harness.server.url)
  const id = await serving(store, [put('1')])
  const client = await openThrough(proxy.through(harness.server.url))
  const commit = aCommit(id, { mutations: [add('1', { likeCount: 1n })] })
  await harness.redis.config('SET', 'maxmemory-policy', 'allkeys-lru')
  proxy.cut()
  await until('it is refused', async () => {
    const error: unknown = await client.reader.read(['1']).catch((reason: unknown) => reason)
    return error instanceof MillraceError && error.code === 'store-evicts'
  })
  const refused = { code: 'store-evicts', retriable: false }
  await expect(client.writer.commit(commit)).rejects.toMatchObject(refused)
  expect((await one(store, '1'))?.counts.likeCount).toBe(0n)
  await harness.redis.config('SET', 'maxmemory-policy', 'noeviction')
  await until('it is used again', async () => {
    const result = await client.writer.commit(commit).catch(() => undefined)
    return result?.kind === 'applied'
  })
  expect(proxy.connections()).toBe(2)
})

test('scripts that are gone are loaded again', async () => {
  const id = await serving(store, [put('1')])
  await harness.redis.script('FLUSH')
  const mutations = [add('1', { likeCount: 1n })]
  expect((await store.writer.commit(aCommit(id, { mutations }))).kind).toBe('applied')
  await harness.redis.script('FLUSH')
  expect((await one(store, '1'))?.counts.likeCount).toBe(1n)
})

test('an emptied Redis makes commits conflict and readers know', async () => {
  const id = await serving(store, [put('1')])
  await harness.redis.flushall()
  const mutations = [add('1', { likeCount: 1n })]
  const conflict = { kind: 'conflict', found: undefined }
  expect(await store.writer.commit(aCommit(id, { mutations }))).toEqual(conflict)
  expect(await store.reader.read(['1'])).toEqual({ kind: 'unavailable', phase: 'absent' })
  expect(await harness.redis.dbsize()).toBe(0)
})

test('a killed Redis comes back with checkpoint and entries together', async () => {
  const id = await serving(store, [put('1')])
  await store.writer.commit(aCommit(id, { mutations: [add('1', { likeCount: 1n })] }))
  await harness.server.kill()
  await expect(store.reader.read(['1'])).rejects.toMatchObject({ retriable: true })
  await harness.server.start()
  const result = await eventually(() => store.reader.read(['1']))
  const found = (await store.writer.checkpoints(id)).get('users/0')
  const likes = result.kind === 'serving' && result.entries[0]?.counts.likeCount
  expect([likes, found?.next]).toEqual([1n, offset(20)])
}, 30_000)

test('a pour of a thousand whole entries is one call', async () => {
  const long = { username: 'u'.repeat(200), description: 'd'.repeat(5_000), location: 'x' }
  const sums = Array.from({ length: 1_000 }, (_, key) => ({
    ...put(String(key), long),
    add: { likeCount: 1n, tweetCount: 2n, followerCount: 3n, followingCount: 4n },
  }))
  await serving(store, sums)
  expect((await everyEntry(store)).size).toBe(1_000)
  const calls = await harness.redis.info('commandstats')
  expect(calls).toContain('cmdstat_evalsha:')
})

test('a Redis that evicts is refused, with what mends it', async () => {
  await harness.redis.config('SET', 'maxmemory-policy', 'allkeys-lru')
  const refused = { code: 'store-evicts', hint: expect.stringContaining('noeviction') }
  await expect(harness.open()).rejects.toMatchObject(refused)
})

test('a state of a newer release is refused by readers and workers', async () => {
  await serving(store, [put('1')])
  await harness.redis.hset(state, 'number', '2')
  const newer = { code: 'store-newer', retriable: false }
  await expect(store.reader.read(['1'])).rejects.toMatchObject(newer)
  await expect(store.writer.generation()).rejects.toMatchObject(newer)
})

/** Asks again while the answer is a rejection, for five seconds at most. */
async function eventually<T>(ask: () => Promise<T>): Promise<T> {
  const untilMs = performance.now() + 5_000
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (performance.now() > untilMs) throw error
      await sleep(25)
    }
  }
}
