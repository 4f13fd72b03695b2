import { setTimeout as sleep } from 'node:timers/promises'
import { MillraceError } from '../../src/errors.ts'
import { limits } from '../../src/store/limits.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { redisServer } from '../support/chain.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'
import { add, put, userLayout } from '../support/view-layouts.ts'
import { until } from '../support/wait.ts'
import { callTimeoutMs, redisHarness, type RedisHarness } from './redis-harness.ts'
import {
  aBarrier,
  aBeginning,
  aCommit,
  aDoubt,
  aParked,
  aTurn,
  checkpoint,
  checkpointsOf,
  elsewhere,
  manyPuts,
  offset,
  one,
  readerOf,
  serving,
  stateOf,
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
  const client = await harness.openWith({ url, callTimeoutMs: timeoutMs })
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
  const epoch = await serving(store, [put('1')])
  const client = await openThrough(proxy.through(harness.server.url))
  for (let at = 10; at < 18; at++) {
    const mutations = [add('1', { likeCount: 1n })]
    const commit = aCommit(epoch, { from: offset(at), to: checkpoint(at + 1), mutations })
    if (at % 2 === 0) proxy.cutOnNext('down')
    // The client sends again what was cut off: applied before, it conflicts at the new checkpoint.
    const result = await client.writer(userLayout).commit(commit)
    const lost = { kind: 'conflict', found: checkpoint(at + 1) }
    expect(result).toEqual(at % 2 === 0 ? lost : { kind: 'applied', belowZero: [] })
  }
  expect((await one(store, '1'))?.counts.likeCount).toBe(8n)
  expect(proxy.connections()).toBe(5)
})

test('a step of comparing or coordinating whose reply was lost is done once', async () => {
  await using proxy = await tcpProxy(harness.server.url)
  const epoch = await serving(store, [put('1')])
  const client = await openThrough(proxy.through(harness.server.url))
  // Redis knows every script by then: the reply that is lost is that of its work.
  for (const write of Object.values(writesOf(store))) await write()
  const audit = client.audit(userLayout)
  await audit.look({ epoch, keys: ['1'], ticket: 't' })
  const corrections = [add('1', { likeCount: 1n })]
  const { pass, fingerprint } = await stateOf(store)
  const moved = { epoch, before: pass, after: 'p', ended: [], completed: [] }
  const seen = { epoch, before: fingerprint, after: 'f', doubts: [aDoubt('d')] }
  const lose = async <T>(call: () => Promise<T>) => {
    // What is asked of a server that came back has been answered by then.
    await readerOf(client).status()
    proxy.cutOnNext('down')
    return call()
  }
  const lost = { kind: 'applied', lost: [0] }
  expect(await lose(() => audit.correct({ epoch, ticket: 't', corrections }))).toEqual(lost)
  expect((await one(store, '1'))?.counts.likeCount).toBe(1n)
  expect(await lose(() => audit.progress(moved))).toBe(false)
  expect(await lose(() => client.coordination.observe(seen))).toBe(false)
  const first = await stateOf(store)
  expect(first).toMatchObject({ pass: 'p', fingerprint: 'f', doubts: [{ name: 'd' }] })
  expect(await lose(() => client.writer(userLayout).raise(epoch, aDoubt('d')))).toBe(true)
  expect(await lose(() => client.coordination.turn(aTurn(epoch)))).toBeUndefined()
  expect((await stateOf(store)).epoch).not.toBe(epoch)
  const claim = { holder: 'h', declaration: 'd1', ttlMs: 60_000, over: false }
  expect(await lose(() => client.coordination.lease(claim))).toBe(true)
  expect(proxy.connections()).toBe(7)
})

test.each(['up', 'down'] as const)(
  'silence %s ends in time, and may be asked again',
  async (way) => {
    await using proxy = await tcpProxy(harness.server.url)
    const epoch = await serving(store, [put('1')])
    const client = await openThrough(proxy.through(harness.server.url), 300)
    proxy.drop(way)
    const commit = aCommit(epoch, { mutations: [add('1', { likeCount: 1n })] })
    const away = { code: 'store-away', retriable: true }
    const began = performance.now()
    await expect(client.writer(userLayout).commit(commit)).rejects.toMatchObject(away)
    await expect(readerOf(client).read(['1'])).rejects.toMatchObject(away)
    expect(performance.now() - began).toBeLessThan(1_500)
    proxy.heal()
    proxy.cut()
    await expect(eventually(() => readerOf(client).read(['1']))).resolves.toBeTruthy()
    const { kind } = await client
      .writer(userLayout)
      .commit(commit)
      .catch(() => client.writer(userLayout).commit(commit))
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
    await expect(readerOf(client).read(['1'])).rejects.toMatchObject(away)
    expect(performance.now() - began).toBeLessThan(callTimeoutMs)
  }
  await expect(openThrough(proxy.through(harness.server.url), 300)).rejects.toMatchObject(away)
  proxy.heal()
  await expect(eventually(() => readerOf(client).read(['1']))).resolves.toMatchObject({
    kind: 'serving',
  })
})

test.each([
  ['an entry', 'user-information:2'],
  ['the checkpoints', `${state}:checkpoints`],
  ['the parked records', `${state}:parked`],
  ['the doubts', `${state}:doubts`],
  ['the tickets of rows', `${state}:row-tickets`],
  ['the state', state],
])('%s of a wrong type stops a commit before anything is written', async (_, key) => {
  const epoch = await serving(store, [put('1')])
  await harness.redis.set(key, 'by hand')
  const before = await everything()
  const mutations = [put('1', { name: 'new' }), add('2', { likeCount: 1n }), put('3')]
  const commit = aCommit(epoch, { mutations, parked: [aParked(11)], doubts: [aDoubt('d')] })
  const refused = { code: 'store-type', retriable: false, message: expect.stringContaining(key) }
  await expect(store.writer(userLayout).commit(commit)).rejects.toMatchObject(refused)
  expect(await everything()).toEqual(before)
})

test.each(['x', '1.5', '01', '-0', ' 1', '', '9223372036854775808', '1e3'])(
  'a counter that reads %j stops a commit before anything is written',
  async (text) => {
    const epoch = await serving(store, [put('1'), put('2')])
    await harness.redis.hset('user-information:2', 'like-count', text)
    const before = await everything()
    const mutations = [put('1', { name: 'new' }), add('2', { likeCount: 1n })]
    const refused = { code: 'store-type', message: expect.stringContaining('user-information:2') }
    await expect(
      store.writer(userLayout).commit(aCommit(epoch, { mutations })),
    ).rejects.toMatchObject(refused)
    expect(await everything()).toEqual(before)
  },
)

test('a checkpoint that does not parse stops a commit, and is named', async () => {
  const epoch = await serving(store)
  const refused = { code: 'store-type' }
  for (const text of ['{', '7']) {
    await harness.redis.hset(`${state}:checkpoints`, 'users/0', text)
    await expect(store.writer(userLayout).commit(aCommit(epoch))).rejects.toMatchObject(refused)
    const advancing = store.coordination.advance(epoch, aBarrier('0/20', 1), 0)
    await expect(advancing).rejects.toMatchObject(refused)
    await expect(store.coordination.turn(aTurn(epoch))).rejects.toMatchObject(refused)
  }
})

test('a read names the key of a wrong type', async () => {
  await serving(store, [put('1')])
  await harness.redis.del('user-information:1')
  await harness.redis.set('user-information:1', 'by hand')
  const refused = { code: 'store-type', message: expect.stringContaining('user-information:1') }
  await expect(readerOf(store).read(['1'])).rejects.toMatchObject(refused)
})

test('a full Redis takes nothing, and the same commit later', async () => {
  const epoch = await serving(store, manyPuts(0, 100))
  await harness.redis.config('SET', 'maxmemory', '1000000')
  const commit = aCommit(epoch, { mutations: manyPuts(50, 100), parked: [aParked(1)] })
  const before = await everything()
  const full = { code: 'store-full', retriable: true }
  await expect(store.writer(userLayout).commit(commit)).rejects.toMatchObject(full)
  expect(await everything()).toEqual(before)
  expect((await one(store, '1'))?.key).toBe('1')
  await harness.redis.config('SET', 'maxmemory', '0')
  expect((await store.writer(userLayout).commit(commit)).kind).toBe('applied')
})

test('a read-only Redis takes nothing and may be asked again', async () => {
  const epoch = await serving(store, [put('1')])
  await harness.redis.replicaof('127.0.0.1', 1)
  try {
    const away = { code: 'store-away', retriable: true }
    await expect(store.writer(userLayout).commit(aCommit(epoch))).rejects.toMatchObject(away)
  } finally {
    await harness.redis.replicaof('NO', 'ONE')
  }
  expect((await eventually(() => store.writer(userLayout).commit(aCommit(epoch)))).kind).toBe(
    'applied',
  )
})

test('a part of a Redis Cluster is refused', async () => {
  await using cluster = await redisServer({ args: ['--cluster-enabled', 'yes'] })
  const refused = { code: 'store-refused', message: expect.stringContaining('Cluster') }
  await expect(harness.openWith({ url: cluster.url })).rejects.toMatchObject(refused)
}, 30_000)

test('scripts that are gone are loaded again', async () => {
  const epoch = await serving(store, [put('1')])
  await harness.redis.script('FLUSH')
  const mutations = [add('1', { likeCount: 1n })]
  expect((await store.writer(userLayout).commit(aCommit(epoch, { mutations }))).kind).toBe(
    'applied',
  )
  await harness.redis.script('FLUSH')
  expect((await one(store, '1'))?.counts.likeCount).toBe(1n)
})

test('an emptied Redis makes commits conflict and readers know', async () => {
  const epoch = await serving(store, [put('1')])
  await harness.redis.flushall()
  const mutations = [add('1', { likeCount: 1n })]
  const conflict = { kind: 'conflict', found: undefined }
  expect(await store.writer(userLayout).commit(aCommit(epoch, { mutations }))).toEqual(conflict)
  expect(await readerOf(store).read(['1'])).toEqual({ kind: 'unavailable', phase: 'absent' })
  expect(await harness.redis.dbsize()).toBe(0)
})

test('a killed Redis comes back with checkpoint and entries together', async () => {
  await harness.syncAlways()
  const epoch = await serving(store, [put('1')])
  await store
    .writer(userLayout)
    .commit(aCommit(epoch, { mutations: [add('1', { likeCount: 1n })] }))
  await harness.server.kill()
  await expect(readerOf(store).read(['1'])).rejects.toMatchObject({ retriable: true })
  await harness.server.start()
  const result = await eventually(() => readerOf(store).read(['1']))
  const found = (await checkpointsOf(store)).get('users/0')
  const likes = result.kind === 'serving' && result.entries[0]?.counts.likeCount
  expect([likes, found?.next]).toEqual([1n, offset(20)])
}, 30_000)

describe('a Redis that evicts', () => {
  const evicting = () => harness.redis.config('SET', 'maxmemory-policy', 'allkeys-lru')
  const mended = () => harness.redis.config('SET', 'maxmemory-policy', 'noeviction')
  const refused = { code: 'store-evicts', retriable: true, hint: expect.stringMatching('noevict') }
  const openWatchful = async (given = {}) => {
    const client = await harness.openWith({ lookEveryMs: 50, ...given })
    closeAfterwards(client)
    return client
  }

  const codeOf = async (call: () => Promise<unknown>) => {
    const error: unknown = await call().catch((reason: unknown) => reason)
    return error instanceof MillraceError ? error.code : undefined
  }

  test('is read and not written to, from when it is looked at until it is mended', async () => {
    await serving(store, [put('1')])
    const client = await openWatchful()
    const writes = writesOf(client)
    for (const [name, write] of Object.entries(writes)) {
      expect([name, await codeOf(write)]).toEqual([name, undefined])
    }
    await evicting()
    await until('it is noticed', async () => (await codeOf(writes.commit)) === 'store-evicts')
    for (const write of Object.values(writes)) await expect(write()).rejects.toMatchObject(refused)
    expect((await one(client, '1'))?.key).toBe('1')
    expect(await readerOf(client).status()).toMatchObject({ state: await stateOf(store) })
    await mended()
    await until('it is mended', async () => (await codeOf(writes.commit)) === undefined)
  })

  test('may be opened, to be read', async () => {
    await serving(store, [put('1')])
    await evicting()
    const client = await openWatchful()
    expect((await one(client, '1'))?.key).toBe('1')
    await expect(writesOf(client).commit()).rejects.toMatchObject(refused)
    await mended()
    const { commit } = writesOf(client)
    await until('it is mended', async () => (await codeOf(commit)) === undefined)
  })

  test('is not written to from the first call on after it came back', async () => {
    await using proxy = await tcpProxy(harness.server.url)
    const epoch = await serving(store, [put('1')])
    const url = proxy.through(harness.server.url)
    const client = await openWatchful({ url, lookEveryMs: 3_600_000 })
    const { commit } = writesOf(client)
    await evicting()
    expect(await codeOf(commit)).toBeUndefined()
    proxy.refuse()
    await until('it is away', async () => (await codeOf(commit)) === 'store-away')
    proxy.heal()
    // What the server answers takes so long that calls are asked for before it was looked at.
    proxy.delay('down', 60)
    const liked = aCommit(epoch, { mutations: [add('1', { likeCount: 1n })] })
    const answers = new Set<unknown>()
    await until('it came back', async () => {
      const answer = await codeOf(() => client.writer(userLayout).commit(liked))
      answers.add(answer)
      return answer !== 'store-away'
    })
    expect(answers).toEqual(new Set(['store-away', 'store-evicts']))
    expect((await one(client, '1'))?.counts.likeCount).toBe(0n)
  })

  test('says how many keys it has dropped', async () => {
    await serving(store, [put('1')])
    expect((await readerOf(store).status()).evicted).toBe(0)
    await harness.redis.config('SET', 'maxmemory-policy', 'allkeys-random')
    const used = Number(/used_memory:(\d+)/.exec(await harness.redis.info('memory'))?.[1])
    await harness.redis.config('SET', 'maxmemory', String(used + 100_000))
    for (let at = 0; at < 200; at++) await harness.redis.set(`filler:${at}`, 'x'.repeat(5_000))
    await harness.redis.config('SET', 'maxmemory', '0')
    const evicted = Number(/evicted_keys:(\d+)/.exec(await harness.redis.info('stats'))?.[1])
    expect(evicted).toBeGreaterThan(0)
    expect((await readerOf(store).status()).evicted).toBe(evicted)
    await harness.redis.config('RESETSTAT')
  })
})

test('a scan that another process began is lost, and one that begins anew is not', async () => {
  await serving(store, manyPuts(0, 1_000))
  const more = Array.from({ length: 5_000 }, (_, key) => ['set', `filler:${key}`, 'x'])
  await harness.redis.pipeline(more).exec()
  const audit = store.audit(userLayout)
  const { cursor } = await audit.scan(undefined)
  expect(await audit.scan(cursor)).toMatchObject({ keys: expect.any(Array) })
  await harness.server.kill()
  await harness.server.start()
  await eventually(() => audit.scan(undefined))
  const lost = { code: 'scan-lost', retriable: true }
  await expect(audit.scan(cursor)).rejects.toMatchObject(lost)
}, 30_000)

test('a lack of room is not met by a script that has begun to write', async () => {
  const { correctionsMax } = limits
  const epoch = await serving(store, manyPuts(0, correctionsMax))
  const audit = store.audit(userLayout)
  const keys = Array.from({ length: correctionsMax }, (_, key) => String(key))
  await audit.look({ epoch, keys, ticket: 't' })
  await harness.redis.config('SET', 'maxmemory', '1000000')
  const before = await everything()
  const corrections = keys.map((key) => put(key, { name: 'x'.repeat(1_000) }))
  const full = { code: 'store-full', retriable: true }
  await expect(audit.correct({ epoch, ticket: 't', corrections })).rejects.toMatchObject(full)
  await expect(store.coordination.turn(aTurn(epoch))).rejects.toMatchObject(full)
  await expect(audit.look({ epoch, keys, ticket: 'u' })).rejects.toMatchObject(full)
  expect(await everything()).toEqual(before)
})

test.each([
  ['the tickets', 'tickets'],
  ['the tickets of rows', 'row-tickets'],
])('%s of a wrong type stop a look and a correction, and are named', async (_, part) => {
  const epoch = await serving(store, [put('1')])
  await harness.redis.set(`${state}:${part}`, 'by hand')
  const before = await everything()
  const refused = { code: 'store-type', message: expect.stringContaining(`${state}:${part}`) }
  const audit = store.audit(userLayout)
  await expect(audit.look({ epoch, keys: ['1'], ticket: 't' })).rejects.toMatchObject(refused)
  const correction = audit.correct({ epoch, ticket: 't', corrections: [put('1')] })
  await expect(correction).rejects.toMatchObject(refused)
  expect(await everything()).toEqual(before)
})

test('a correction that meets a wrong type changes nothing, and names the entry', async () => {
  const epoch = await serving(store, [put('1'), put('2')])
  const audit = store.audit(userLayout)
  await audit.look({ epoch, keys: ['1', '2'], ticket: 't' })
  await harness.redis.set('user-information:2', 'by hand')
  const before = await everything()
  const corrections = [add('1', { likeCount: 1n }), add('2', { likeCount: 1n })]
  const refused = { code: 'store-type', entry: '2' }
  await expect(audit.correct({ epoch, ticket: 't', corrections })).rejects.toMatchObject(refused)
  await expect(audit.sweep(epoch, ['1', '2'], ['likeCount'])).rejects.toMatchObject(refused)
  expect(await everything()).toEqual(before)
})

/** Every call that may write; in another epoch most of them change nothing. */
function writesOf(client: ViewStore) {
  const [writer, audit] = [client.writer(userLayout), client.audit(userLayout)]
  const { coordination, watchable } = client
  const epoch = elsewhere
  const seen = { epoch, before: undefined, after: '', doubts: [] }
  const moved = { epoch, before: undefined, after: '', ended: [], completed: [] }
  return {
    commit: () => writer.commit(aCommit(epoch)),
    raise: () => writer.raise(epoch, aDoubt('d')),
    report: () => writer.report('users/0', undefined),
    displace: () => writer.displace(epoch, '1'),
    look: () => audit.look({ epoch, keys: ['1'], ticket: 't' }),
    correct: () => audit.correct({ epoch, ticket: 't', corrections: [] }),
    sweep: () => audit.sweep(epoch, ['1'], []),
    progress: () => audit.progress(moved),
    lease: () => coordination.lease({ holder: 'h', declaration: 'd', ttlMs: 1, over: false }),
    open: () => coordination.open(aBeginning()),
    turn: () => coordination.turn(aTurn(epoch)),
    publish: () => coordination.publish(aBarrier('0/20', 10), []),
    advance: () => coordination.advance(epoch, aBarrier('0/20', 10), 0),
    observe: () => coordination.observe(seen),
    want: () => watchable.want(() => ({ declaration: 'd', adopt: false, prune: false, sweep: [] })),
    clearParked: () => readerOf(client).clearParked(),
  }
}

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
