import { Writable } from 'node:stream'
import { inspect } from 'node:util'
import { Redis } from 'ioredis'
import { pino } from 'pino'
import { aclRules, defaultUserRules } from '../../src/store/redis/acl.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { add, cellsOf, put, tallyLayout, unput, userLayout } from '../support/view-layouts.ts'
import { until } from '../support/wait.ts'
import { redisHarness, type RedisHarness } from './redis-harness.ts'
import {
  aBarrier,
  aBeginning,
  aCommit,
  aDoubt,
  aParked,
  aTurn,
  everyKey,
  everyParked,
  one,
  progress,
  readerOf,
  serving,
  stateOf,
  step,
  storeForEachTest,
} from './store-fixture.ts'

const password = 'p@ss/#%:?Qx7z'
const views = ['user-information']
let harness: RedisHarness
let store: ViewStore
const closeAfterwards = storeForEachTest(redisHarness, (...parts) => {
  ;[harness, store] = parts
})

/** A user with these rules, and the URL by which it comes. */
async function user(name: string, rules: readonly string[]): Promise<string> {
  await harness.redis.acl('SETUSER', name, 'reset', 'on', `>${password}`, ...rules)
  const url = new URL(harness.server.url)
  return `redis://${name}:${encodeURIComponent(password)}@${url.host}`
}

async function storeOf(name: string, rules: readonly string[]): Promise<ViewStore> {
  const client = await harness.openWith({ url: await user(name, rules) })
  closeAfterwards(client)
  return client
}

/** A bare client of the same user, to do what the store never does. */
async function bareClient<T>(url: string, use: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { protocol: 2, disableClientInfo: true })
  redis.on('error', () => undefined)
  try {
    return await use(redis)
  } finally {
    redis.disconnect()
  }
}

/** Everything that a worker does to a store, each way through. */
async function work(client: ViewStore): Promise<void> {
  const { coordination, watchable } = client
  const writer = client.writer(tallyLayout)
  const audit = client.audit(tallyLayout)
  const tallies = client.tallies(tallyLayout)
  await watchable.want(() => ({ declaration: 'd1', adopt: false, prune: false, sweep: [] }))
  expect(await watchable.wanted()).toBeDefined()
  await coordination.lease({ holder: 'h', declaration: 'd1', ttlMs: 1_000, over: false })
  expect(await coordination.open(aBeginning())).toBeDefined()
  const { epoch } = await stateOf(client)
  await coordination.giveInstance(epoch)
  const amounts = { add: { likeCount: 1n }, cells: cellsOf({ hidden: { x: 1n } }) }
  const mutations = [{ ...put('1'), ...amounts }, put('2'), put('3')]
  await writer.commit(aCommit(epoch, { mutations, parked: [aParked(1)], doubts: [aDoubt('a')] }))
  await step(client, 20, [unput('1'), unput('2')])
  await writer.raise(epoch, aDoubt('a'))
  const problem = { code: 'c', message: 'm', hint: undefined, sinceMs: 1 }
  for (const each of [problem, undefined]) await writer.report('users/0', each)
  expect(await audit.look({ epoch, keys: ['1', '404'], ticket: 't' })).toBeDefined()
  const cells = cellsOf({ hidden: { x: -1n }, byCountry: { y: 1n } })
  const correction = { entry: '1', put: undefined, add: { likeCount: 1n }, cells }
  await audit.correct({ epoch, ticket: 't', corrections: [correction] })
  const question = { epoch, entry: '1', tally: 'byCountry', items: ['y'], ticket: 't' }
  const amount = new Map([['y', 1n]])
  expect(await tallies.look(question)).toMatchObject({ kind: 'items', amounts: amount })
  expect(await tallies.scan('1', 'byCountry', undefined)).toMatchObject({ keys: ['y'] })
  await audit.sweep(epoch, ['1'], ['motto', 'byCountry'])
  await progress(client, { completed: ['d1'] })
  expect((await everyKey(client)).size).toBe(2)
  expect(await watchable.occupant()).toBeDefined()
  await harness.redis.set('user-information:9', 'by hand')
  expect(await writer.displace(epoch, '9')).toBeDefined()
  await harness.redis.zadd('user-information.hidden:9', 0.5, 'by hand')
  expect(await writer.displace(epoch, '9')).toBeDefined()
  await coordination.publish(aBarrier('0/20', 10, { number: 3 }), [1])
  expect(await watchable.barriers()).toHaveLength(1)
  expect(await coordination.advance(epoch, aBarrier('0/20', 10), 0)).toBe(true)
  const before = aBeginning().fingerprint
  await coordination.observe({ epoch, before, after: 'f', doubts: [aDoubt('b')] })
  await coordination.turn(aTurn(epoch))
  expect((await everyParked(client)).length).toBe(1)
  expect(await readerOf(client).clearParked()).toBe(1)
  const read = await client.reader(tallyLayout, 'd1').read(['3'])
  expect(read).toMatchObject({ entries: [{ key: '3', slices: { topArtists: [] } }] })
  expect(await readerOf(client).status()).toMatchObject({ parked: 0, evicted: 0 })
}

describe('a worker with its rules', () => {
  const rules = aclRules('worker', views)
  const without = (rule: string) => rules.filter((each) => each !== rule)

  test('does all of its work, and loads the scripts that are gone', async () => {
    await harness.redis.script('FLUSH')
    await work(await storeOf('worker', rules))
  })

  test('has nothing in its way, and what it lacks is named', async () => {
    expect(await store.faults()).toEqual([])
    expect(await (await storeOf('worker', rules)).faults()).toEqual([])
    const reader = await storeOf('reader', aclRules('reader', views))
    const cure = expect.stringContaining('ACL SETUSER reader +acl|dryrun, ')
    expect(await reader.faults()).toEqual([
      { what: 'Redis: the user reader lacks +acl|dryrun', cure },
    ])
    await harness.redis.config('SET', 'maxmemory-policy', 'allkeys-lru')
    try {
      const evicting = await storeOf('worker', rules)
      expect(await evicting.faults()).toMatchObject([
        { what: 'Redis evicts keys: maxmemory-policy is allkeys-lru' },
      ])
    } finally {
      await harness.redis.config('SET', 'maxmemory-policy', 'noeviction')
    }
  })

  test.each([
    ['asks', rules, /is asked to rewrite its append-only file/],
    [
      'needs +bgrewriteaof to ask',
      without('+bgrewriteaof'),
      /\+bgrewriteaof.*was not asked to rewrite/,
    ],
  ])(
    '%s a Redis that has started to rewrite its file',
    async (_, given, said) => {
      await store.close()
      await harness.server.kill()
      await harness.server.start()
      await until('it is up', () => harness.redis.ping().then(Boolean, () => false))
      const lines: string[] = []
      const log = pino({ level: 'trace' }, lineStream(lines))
      const client = await harness.openWith({ url: await user('worker', given), log })
      closeAfterwards(client)
      const told = () => lines.find((line) => line.includes('append-only file'))
      await until('it has told', () => told() !== undefined)
      expect(told()).toMatch(said)
    },
    30_000,
  )

  const optional = ['+bgrewriteaof', '+acl|dryrun']
  const needed = rules.filter((rule) => rule.startsWith('+') && !optional.includes(rule))

  test.each(needed)('needs %s', async (rule) => {
    await harness.redis.script('FLUSH')
    const worked = async () => work(await storeOf('worker', without(rule)))
    await expect(worked()).rejects.toThrow()
  })

  test('is told of each right that it lacks, and of its cure', async () => {
    for (const rule of needed.filter((each) => each !== '+info')) {
      const lacking = await storeOf('lacking', without(rule))
      const cure = expect.stringContaining(`ACL SETUSER lacking ${rule}, `)
      expect(await lacking.faults()).toEqual([
        { what: `Redis: the user lacking lacks ${rule}`, cure },
      ])
    }
    const keys = rules.filter((rule) => rule.startsWith('~'))
    for (const rule of keys) {
      const what = `Redis: the user lacking lacks ${keys.join(' ')}`
      const lacking = await storeOf('lacking', without(rule))
      expect(await lacking.faults()).toMatchObject([{ what }])
    }
  })

  test('is told of a lack of rights by a look and by a sweep', async () => {
    const epoch = await serving(store, [put('1')])
    const audit = (await storeOf('worker', without('+zcard'))).audit(tallyLayout)
    const refused = { code: 'store-refused', hint: expect.stringContaining('acl.ts') }
    const looked = audit.look({ epoch, keys: ['1'], ticket: undefined })
    await expect(looked).rejects.toMatchObject(refused)
    await expect(audit.sweep(epoch, ['1'], ['hidden'])).rejects.toMatchObject(refused)
  })

  test.each(rules.filter((rule) => rule.startsWith('~')))('needs %s', async (rule) => {
    const client = await storeOf('worker', without(rule))
    await expect(work(client)).rejects.toMatchObject({ code: 'store-refused' })
  })

  test('can not touch what is not its own', async () => {
    const others = [
      'other',
      'user-information',
      'user-informationx:1',
      'user-informationx.hidden:1',
      'user-information-x.hidden:1',
      'millrace:other',
      'millrace',
    ]
    for (const key of others) await harness.redis.hset(key, 'a', 'b')
    await serving(store, [put('1')])
    await bareClient(await user('worker', rules), async (redis) => {
      const script = await redis.script('LOAD', `return redis.call('HSET', ARGV[1], 'a', 'c')`)
      for (const key of others) {
        const attempts = [
          () => redis.hset(key, 'a', 'c'),
          () => redis.hget(key, 'a'),
          () => redis.del(key),
          () => redis.rename(key, 'user-information:7'),
          () => redis.rename('user-information:1', key),
          () => redis.evalsha(String(script), 1, key, key),
          () => redis.evalsha(String(script), 0, key),
        ]
        for (const attempt of attempts) await expect(attempt()).rejects.toThrow(refusal)
      }
      const commands = [['flushall'], ['keys', '*'], ['config', 'GET', '*'], ['acl', 'LIST']]
      for (const [name, ...args] of commands) {
        await expect(redis.call(name!, ...args)).rejects.toThrow(refusal)
      }
    })
    for (const key of others) expect(await harness.redis.hget(key, 'a')).toBe('b')
  })
})

describe('a reader with its rules', () => {
  const rules = aclRules('reader', views)

  test('reads entries and the status, and loads the scripts that are gone', async () => {
    await serving(store, [put('1')])
    await harness.redis.zadd('user-information.top-artists:1', -1, 'Abba')
    await harness.redis.script('FLUSH')
    const client = await storeOf('reader', rules)
    const entry = { slices: { topArtists: [{ item: 'Abba', amount: 1n }] } }
    const read = await client.reader(tallyLayout, 'd1').read(['1'])
    expect(read).toMatchObject({ entries: [entry] })
    const status = await readerOf(client).status()
    expect(status).toMatchObject({ state: await stateOf(store), evicted: 0 })
  })

  test.each(rules.filter((rule) => /^[+%]/.test(rule)))('needs %s', async (rule) => {
    await harness.redis.script('FLUSH')
    await store.writer(userLayout).raise(await serving(store, [put('1')]), aDoubt('d'))
    const fewer = rules.filter((each) => each !== rule)
    const read = async () => {
      const reader = (await storeOf('reader', fewer)).reader(tallyLayout, 'd1')
      await reader.read(['1'])
      await reader.status()
      await harness.loseState()
      await reader.read(['1'])
    }
    await expect(read()).rejects.toThrow()
  })

  test('changes nothing', async () => {
    const epoch = await serving(store, [put('1')])
    const before = await harness.redis.hgetall('user-information:1')
    const client = await storeOf('reader', rules)
    const writer = client.writer(userLayout)
    const refused = { code: 'store-refused', retriable: false }
    const mutations = [put('1', { name: 'Wrong' })]
    await expect(writer.commit(aCommit(epoch, { mutations }))).rejects.toMatchObject(refused)
    await expect(writer.raise(epoch, aDoubt('d'))).rejects.toMatchObject(refused)
    await expect(readerOf(client).clearParked()).rejects.toMatchObject(refused)
    await expect(client.coordination.turn(aTurn(epoch))).rejects.toMatchObject(refused)
    await bareClient(await user('reader', rules), async (redis) => {
      const source = `return redis.call('HSET', KEYS[1], 'name', 'Wrong')`
      const script = String(await redis.script('LOAD', source))
      const attempts = [
        () => redis.hset('user-information:1', 'name', 'Wrong'),
        () => redis.del('user-information:1'),
        () => redis.evalsha(script, 1, 'user-information:1'),
        () => redis.call('evalsha_ro', script, '1', 'user-information:1'),
        () => redis.hgetall('other'),
        () => redis.call('evalsha_ro', script, '1', 'other'),
      ]
      for (const attempt of attempts) await expect(attempt()).rejects.toThrow()
    })
    expect(await harness.redis.hgetall('user-information:1')).toEqual(before)
    expect((await stateOf(store)).doubts).toEqual([])
  })
})

describe('a default user', () => {
  const rules = aclRules('worker', views)
  const setDefault = (...given: readonly string[]) =>
    harness.redis.acl('SETUSER', 'default', ...given)

  afterEach(async () => void (await setDefault(...defaultUserRules)))

  test('that is off with its rules loses nothing when Redis starts again', async () => {
    await setDefault(...defaultUserRules)
    await harness.syncAlways()
    const epoch = await serving(store, [put('1')])
    await step(store, 10, [add('1', { likeCount: 1n }), put('2')])
    await harness.server.kill()
    await harness.server.start()
    await until('it is back', async () => {
      const state = await store.watchable.state().catch(() => undefined)
      return state?.epoch === epoch
    })
    expect(await everyKey(store)).toEqual(new Set(['1', '2']))
    expect((await one(store, '1'))?.counts.likeCount).toBe(1n)
  }, 30_000)

  test.each([
    ['reset', 'off'],
    ['resetkeys', '~cache:*'],
    ['-@all', '+@hash'],
  ])(
    'with %s %s keeps a worker from writing, for that would be lost, and not from reading',
    async (...given) => {
      const epoch = await serving(store, [put('1')])
      await setDefault(...given)
      const client = await storeOf('worker', rules)
      const refused = { code: 'store-refused', hint: expect.stringContaining('default off ~*') }
      const commit = aCommit(epoch, { mutations: [add('1', { likeCount: 1n })] })
      await expect(client.writer(userLayout).commit(commit)).rejects.toMatchObject(refused)
      expect((await one(client, '1'))?.counts.likeCount).toBe(0n)
    },
  )

  test('that loses its rights while a worker runs is noticed, and so is that it has them', async () => {
    const epoch = await serving(store, [put('1')])
    const url = await user('worker', rules)
    const client = await harness.openWith({ url, lookEveryMs: 50 })
    closeAfterwards(client)
    const report = () => client.writer(userLayout).raise(epoch, aDoubt('d'))
    expect(await report()).toBe(true)
    await setDefault('reset', 'off')
    await until('it is noticed', () => report().then(() => false, Boolean))
    await setDefault(...defaultUserRules)
    await until('it is mended', () => report().catch(() => false))
  })

  test.each([
    ['by a reader', aclRules('reader', views)],
    ['by a worker without +acl|dryrun', rules.filter((rule) => rule !== '+acl|dryrun')],
  ])('is not asked about %s, who reads on', async (_, given) => {
    await serving(store, [put('1')])
    await setDefault('reset', 'off')
    const client = await storeOf('someone', given)
    expect((await one(client, '1'))?.key).toBe('1')
  })

  test('matters to an append-only file alone', async () => {
    const epoch = await serving(store, [put('1')])
    await setDefault('reset', 'off')
    await harness.redis.config('SET', 'appendonly', 'no')
    const client = await storeOf('worker', rules)
    const commit = aCommit(epoch, { mutations: [put('2')] })
    const answer = await client.writer(userLayout).commit(commit)
    await harness.redis.config('SET', 'appendonly', 'yes')
    expect(answer).toMatchObject({ kind: 'applied' })
  })
})

describe('a password', () => {
  test('is in no error and in no line of the log', async () => {
    const lines: string[] = []
    const log = pino({ level: 'trace' }, lineStream(lines))
    const good = await user('worker', aclRules('worker', views))
    const urls = [
      good.replace(encodeURIComponent(password), 'wrong-secret'),
      good.replace('worker', 'nobody'),
      good.replace(/@.*/, '@127.0.0.1:1'),
      good.replace(/@.*/, '@no-such-host.invalid:6379'),
      good.replace(encodeURIComponent(password), password),
      good.replace('redis:', 'rediss:'),
    ]
    const errors: unknown[] = []
    for (const url of urls) {
      const error: unknown = await harness
        .openWith({ url, log, callTimeoutMs: 500 })
        .then(() => undefined)
        .catch((reason: unknown) => reason)
      expect([url, error]).toMatchObject([url, { name: 'MillraceError' }])
      errors.push(error)
    }
    const client = await harness.openWith({ url: good, log, callTimeoutMs: 500 })
    closeAfterwards(client)
    await harness.redis.acl('DELUSER', 'worker')
    const reader = readerOf(client)
    errors.push(await reader.status().catch((reason: unknown) => reason))
    const shown = [
      ...errors.map((each) => inspect(each, { depth: 20, showHidden: true })),
      ...lines,
    ]
    for (const secret of [password, encodeURIComponent(password), 'wrong-secret', 'Qx7z']) {
      expect(shown.filter((text) => text.includes(secret))).toEqual([])
    }
    expect(errors).toHaveLength(urls.length + 1)
  }, 30_000)

  test("is not shown with people's data in what a failed commit says", async () => {
    const epoch = await serving(store)
    await harness.redis.set('user-information:1', 'by hand')
    await harness.redis.config('SET', 'maxmemory', '1000000')
    const commit = aCommit(epoch, { mutations: [put('1', { name: 'Secret Name' })] })
    const full: unknown = await store
      .writer(userLayout)
      .commit(commit)
      .catch((reason: unknown) => reason)
    await harness.redis.config('SET', 'maxmemory', '0')
    const type: unknown = await store
      .writer(userLayout)
      .commit(commit)
      .catch((reason: unknown) => reason)
    expect([full, type]).toMatchObject([{ code: 'store-full' }, { code: 'store-type' }])
    expect(inspect([full, type], { depth: 20, showHidden: true })).not.toContain('Secret Name')
  })
})

const refusal = /NOPERM|No permissions|can't access|can't run/

function lineStream(lines: string[]): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString())
      done()
    },
  })
}
