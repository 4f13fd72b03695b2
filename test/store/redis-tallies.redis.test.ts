import type { Mutation } from '../../src/mutation.ts'
import { unreadable } from '../../src/store/entry-text.ts'
import { limits } from '../../src/store/limits.ts'
import type { ItemsQuestion } from '../../src/store/tallies.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { cellsOf, put, tally, tallyLayout, unput, userLayout } from '../support/view-layouts.ts'
import { until } from '../support/wait.ts'
import { redisHarness, type RedisHarness } from './redis-harness.ts'
import {
  checkpoint,
  checkpointsOf,
  elsewhere,
  everyKey,
  serving,
  stateOf,
  storeForEachTest,
  texts,
} from './store-fixture.ts'
import { most, slices, tallied, told } from './tally-fixture.ts'

const key = 'user-information.top-artists:1'
let harness: RedisHarness
let store: ViewStore
storeForEachTest(redisHarness, (...parts) => {
  ;[harness, store] = parts
})

const question = async (given: Partial<ItemsQuestion> = {}): Promise<ItemsQuestion> => {
  const { epoch } = await stateOf(store)
  return { epoch, entry: '1', tally: 'topArtists', items: ['Abba'], ticket: undefined, ...given }
}

/** What people could write where a tally is, so that it is none. */
const unfit: readonly [string, () => Promise<unknown>][] = [
  ['a text', () => harness.redis.set(key, 'by hand')],
  ['a hash', () => harness.redis.hset(key, 'Abba', '1')],
  ['half an amount', () => harness.redis.zadd(key, -0.5, 'Abba')],
  ['an amount of 0', () => harness.redis.zadd(key, 0, 'Abba')],
  ['an infinite amount', () => harness.redis.zadd(key, '-inf', 'Abba')],
  ['an amount below all', () => harness.redis.zadd(key, '+inf', 'Abba')],
  ['an amount of 54 bits', () => harness.redis.zadd(key, '-9007199254740992', 'Abba')],
  ['a negative one', () => harness.redis.zadd(key, '9007199254740992', 'Abba')],
]

const bytes: readonly Buffer[] = [
  Buffer.from([0xff]),
  Buffer.from([0x61, 0xc3]),
  Buffer.from([0xc0, 0x80]),
  Buffer.from([0xe0, 0x80, 0x80]),
  Buffer.from([0xed, 0xa0, 0x80]),
  Buffer.from([0xf0, 0x80, 0x80, 0x80]),
  Buffer.from([0xf4, 0x90, 0x80, 0x80]),
  Buffer.from([0xf5, 0x80, 0x80, 0x80]),
  Buffer.from([0xc3, 0xa9, 0x80]),
]

describe('a tally', () => {
  test('is a plain sorted set that people can read, and gone with its last cell', async () => {
    await serving(store, [put('1')])
    const cells = { topArtists: { Abba: 2n, Blur: -1n, Cher: most }, hidden: { x: 1n } }
    await tallied(store, 10, [tally('1', cells)])
    const found = await harness.redis.zrange(key, '0', '-1', 'WITHSCORES')
    const scores = found.filter((_, at) => at % 2 === 1).map(Number)
    expect(found.filter((_, at) => at % 2 === 0)).toEqual(['Cher', 'Abba', 'Blur'])
    expect(scores).toEqual([-Number(most), -2, 1])
    const own = await harness.redis.keys('user-information*')
    expect(own.toSorted()).toEqual(['user-information.hidden:1', key, 'user-information:1'])
    const back = { topArtists: { Abba: -2n, Blur: 1n, Cher: -most }, hidden: { x: -1n } }
    await tallied(store, 11, [{ ...tally('1', back), put: null }])
    expect(await harness.redis.keys('user-information*')).toEqual([])
  })

  test('with a thousand cells of every amount is told as it is', async () => {
    await serving(store, [put('1')])
    const powers = Array.from({ length: 53 }, (_, bit) => 2n ** BigInt(bit))
    const tens = Array.from({ length: 16 }, (_, digit) => 10n ** BigInt(digit))
    const all = [...powers, ...tens, ...tens.map((each) => -each), most, -most, most - 1n]
    const items = Object.fromEntries(all.map((amount, at) => [`item ${at}`, amount]))
    await tallied(store, 10, [tally('1', { hidden: items, byCountry: items })])
    expect(await told(store, '1')).toEqual(cellsOf({ byCountry: items, hidden: items }))
    const read = (await slices(store, '1'))?.byCountry
    const positive = all.filter((amount) => amount > 0n)
    const descending = positive.toSorted((a, b) => (a > b ? -1 : 1))
    expect(read?.map(({ amount }) => amount)).toEqual(descending)
    const found = await store
      .tallies(tallyLayout)
      .look(await question({ tally: 'hidden', items: Object.keys(items) }))
    expect(found).toMatchObject({ amounts: new Map(Object.entries(items)) })
  })
})

describe('what is no tally where one should be', () => {
  const commit = (at: number, more: Partial<Mutation> = {}) =>
    tallied(store, at, [put('0'), { ...tally('1', { topArtists: { Abba: 1n } }), ...more }])

  test.each(unfit.filter(([what]) => what !== 'an amount of 0'))(
    'as %s stops a commit and a correction whole, which name the entry',
    async (_, write) => {
      const epoch = await serving(store, [put('1')])
      const looked = { epoch, keys: ['0', '1'], ticket: 't' }
      await store.audit(tallyLayout).look(looked)
      await write()
      const refused = { code: 'store-type', entry: '1', message: expect.stringContaining(key) }
      await expect(commit(10)).rejects.toMatchObject(refused)
      await expect(commit(10, unput('1'))).rejects.toMatchObject(refused)
      const corrections = [put('0'), tally('1', { topArtists: { Abba: 1n } })]
      const corrected = store.audit(tallyLayout).correct({ epoch, ticket: 't', corrections })
      await expect(corrected).rejects.toMatchObject(refused)
      expect((await checkpointsOf(store)).get('users/0')).toEqual(checkpoint(10))
      expect(await texts(store, ['0'])).toEqual(['-;0;0;0;0'])
    },
  )

  test.each(unfit)('as %s is not readable, and moved aside', async (what, write) => {
    const epoch = await serving(store, [put('1'), put('2')])
    await tallied(store, 10, [tally('1', { hidden: { x: 1n } })])
    await write()
    const before = await harness.redis.dumpBuffer(key)
    const [first, second] = await texts(store, ['1', '2'], tallyLayout)
    expect([first, second?.[0]]).toEqual([unreadable, '+'])
    const items = await store.tallies(tallyLayout).look(await question())
    expect(items.kind).toBe('unreadable')
    const writer = store.writer(tallyLayout)
    expect(await writer.displace(elsewhere, '1')).toBeUndefined()
    expect(await store.writer(userLayout).displace(epoch, '1')).toBeUndefined()
    const name = await writer.displace(epoch, '1')
    expect(name).toMatch(/^millrace:user-information:displaced\.top-artists:1:1\d{12}$/)
    expect([what, await harness.redis.dumpBuffer(name!)]).toEqual([what, before])
    expect(await told(store, '1')).toEqual(cellsOf({ hidden: { x: 1n } }))
    expect(await writer.displace(epoch, '1')).toBeUndefined()
    expect(await commit(11)).toMatchObject({ kind: 'applied' })
    expect(await slices(store, '1')).toMatchObject({ topArtists: [{ item: 'Abba', amount: 1n }] })
  })

  test.each(bytes.map((item) => [item.toString('hex'), item] as const))(
    'as an item of the bytes %s is not readable, and moved aside',
    async (_, item) => {
      const epoch = await serving(store, [put('1')])
      await harness.redis.zadd(key, -1, item)
      expect(await texts(store, ['1'], tallyLayout)).toEqual([unreadable])
      const scan = store.tallies(tallyLayout).scan('1', 'topArtists', undefined)
      await expect(scan).rejects.toMatchObject({ code: 'store-type', entry: '1' })
      const name = await store.writer(tallyLayout).displace(epoch, '1')
      expect(await harness.redis.zcard(name!)).toBe(1)
      expect(await told(store, '1')).toEqual(new Map())
    },
  )

  test('is found among many cells', async () => {
    const epoch = await serving(store, [put('1')])
    const odd = Object.fromEntries(
      Array.from({ length: 2_500 }, (_, at) => [`é 😀 \uFFFD \u{10FFFF} ${at}`, 1n]),
    )
    await tallied(store, 10, [tally('1', { topArtists: odd })])
    const writer = store.writer(tallyLayout)
    expect(await writer.displace(epoch, '1')).toBeUndefined()
    await harness.redis.zadd(key, 5.5, 'last')
    expect(await writer.displace(epoch, '1')).toBeDefined()
  })

  test('is moved aside together with a hash that is none', async () => {
    const epoch = await serving(store)
    await harness.redis.set(key, 'by hand')
    await harness.redis.set('user-information:1', 'by hand')
    await harness.redis.zadd('user-information.hidden:1', -1, 'x')
    const names = (await store.writer(tallyLayout).displace(epoch, '1'))?.split(', ')
    expect(names).toHaveLength(2)
    for (const name of names!) expect(await harness.redis.get(name)).toBe('by hand')
    expect(await told(store, '1')).toEqual(cellsOf({ hidden: { x: 1n } }))
  })

  test('takes the tickets of the entry with it', async () => {
    const epoch = await serving(store, [put('1')])
    await store.audit(tallyLayout).look({ epoch, keys: ['1'], ticket: 't' })
    await harness.redis.set(key, 'by hand')
    await store.writer(tallyLayout).displace(epoch, '1')
    const corrections = [{ ...tally('1', { hidden: { x: 1n } }), put: null }]
    const corrected = await store.audit(tallyLayout).correct({ epoch, ticket: 't', corrections })
    expect(corrected).toEqual({ kind: 'applied', lost: [0] })
  })

  test('is named by a read, and stays where a tally is swept', async () => {
    const epoch = await serving(store, [put('1')])
    const read = () => store.reader(tallyLayout, 'd1').read(['1'])
    const named = { code: 'store-type', entry: '1', message: expect.stringContaining(key) }
    await harness.redis.zadd(key, -0.5, 'Abba')
    await expect(read()).rejects.toMatchObject(named)
    await harness.redis.del(key)
    await harness.redis.set(key, 'by hand')
    await expect(read()).rejects.toMatchObject(named)
    expect(await store.audit(userLayout).sweep(epoch, ['1'], ['topArtists'])).toBe(true)
    expect(await harness.redis.get(key)).toBe('by hand')
  })
})

test('a look that leaves a ticket takes the time to live from tallies', async () => {
  const epoch = await serving(store, [put('1')])
  const cells = { topArtists: { Abba: 1n }, hidden: { x: 1n } }
  await tallied(store, 10, [tally('1', cells)])
  const keys = ['user-information:1', key, 'user-information.hidden:1']
  const expire = async () => {
    for (const each of keys) await harness.redis.expire(each, 1_000)
  }
  const ttls = () => Promise.all(keys.map((each) => harness.redis.ttl(each)))
  await expire()
  await store.audit(tallyLayout).look({ epoch, keys: ['1'], ticket: undefined })
  expect((await ttls()).every((ttl) => ttl > 0)).toBe(true)
  await store.audit(tallyLayout).look({ epoch, keys: ['1'], ticket: 't' })
  expect(await ttls()).toEqual([-1, -1, -1])
  await expire()
  await store.tallies(tallyLayout).look(await question({ ticket: 't' }))
  expect((await ttls())[1]).toBe(-1)
})

test('tickets of looks at items go in time, and do not pile up', async () => {
  const tickets = 'millrace:user-information:tickets'
  await serving(store)
  await store.tallies(tallyLayout).look(await question({ ticket: 't' }))
  const ttlMs = await harness.redis.pttl(tickets)
  expect(ttlMs).toBeGreaterThan(limits.ticketTtlMs - 5_000)
  expect(ttlMs).toBeLessThanOrEqual(limits.ticketTtlMs)
  const fill = `for i = 1, 100 do
    local left = {}
    for j = 1, 1000 do left[2 * j - 1] = i .. ':' .. j left[2 * j] = 't' end
    redis.call('HSET', KEYS[1], unpack(left))
  end`
  await harness.redis.eval(fill, 1, tickets)
  await store.tallies(tallyLayout).look(await question({ ticket: 't' }))
  expect(await harness.redis.hlen(tickets)).toBe(1)
})

test('a tally that belongs to no declaration is scanned, so that it can be swept', async () => {
  const epoch = await serving(store)
  await harness.redis.zadd('user-information.some-thing@ab12cd:7:8', -1, 'x')
  expect(await everyKey(store)).toEqual(new Set(['7:8']))
  await store.audit(userLayout).sweep(epoch, ['7:8'], ['someThing@ab12cd'])
  expect(await harness.redis.keys('user-information*')).toEqual([])
})

test('a scan of items that another process began is lost, and begins anew', async () => {
  await serving(store)
  const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, at) => [`item ${at}`, 1n]))
  await tallied(store, 10, [tally('1', { topArtists: many })])
  const tallies = store.tallies(tallyLayout)
  const { cursor } = await tallies.scan('1', 'topArtists', undefined)
  expect(cursor).toBeDefined()
  await harness.syncAlways()
  await harness.server.kill()
  await harness.server.start()
  const goOn = () => tallies.scan('1', 'topArtists', cursor).catch((error: unknown) => error)
  await until('it is back', async () => {
    const answer = await goOn()
    return answer instanceof Error && 'code' in answer && answer.code !== 'store-away'
  })
  expect(await goOn()).toMatchObject({ code: 'scan-lost' })
  expect((await tallies.scan('1', 'topArtists', undefined)).keys.length).toBeGreaterThan(0)
}, 30_000)
