import type { ViewLayout } from '../../src/mutation.ts'
import { absentText, decodeEntry, unreadable } from '../../src/store/entry-text.ts'
import { limits } from '../../src/store/limits.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { add, placeLayout, put, tallyLayout, unput, userLayout } from '../support/view-layouts.ts'
import { redisHarness, viewOf, type RedisHarness } from './redis-harness.ts'
import {
  aBeginning,
  aCommit,
  aDoubt,
  aParked,
  building,
  checkpoint,
  elsewhere,
  everyKey,
  offset,
  one,
  progress,
  readerOf,
  serving,
  stateOf,
  step,
  storeForEachTest,
  texts,
} from './store-fixture.ts'

const state = 'millrace:user-information'
let harness: RedisHarness
let store: ViewStore
const closeAfterwards = storeForEachTest(redisHarness, (...parts) => {
  ;[harness, store] = parts
})

async function openView(layout: ViewLayout): Promise<ViewStore> {
  const client = await harness.openWith({ view: viewOf(layout) })
  closeAfterwards(client)
  return client
}

describe('an entry', () => {
  test('is a plain hash that people can read', async () => {
    await serving(store, [{ ...put('42', { webPageUrl: 'x' }), add: { likeCount: 3n } }])
    expect(await harness.redis.hgetall('user-information:42')).toEqual({
      'user-id': '42',
      username: 'ada',
      'web-page-url': 'x',
      'joined-date': '2026-11-21T10:18:00.123456Z',
      'tweet-count': '0',
      'following-count': '0',
      'follower-count': '0',
      'like-count': '3',
    })
  })

  test('keeps its counters alone when its row goes, whatever else lies there', async () => {
    await serving(store, [{ ...put('42'), add: { likeCount: 3n } }])
    const strange = Object.fromEntries(Array.from({ length: 2_500 }, (_, at) => [`old-${at}`, 'x']))
    await harness.redis.hset('user-information:42', strange)
    await step(store, 10, [unput('42')])
    expect(await harness.redis.hgetall('user-information:42')).toEqual({
      'tweet-count': '0',
      'following-count': '0',
      'follower-count': '0',
      'like-count': '3',
    })
    await harness.redis.hset('user-information:42', strange)
    await step(store, 11, [{ ...unput('42'), add: { likeCount: -3n } }])
    expect(await harness.redis.exists('user-information:42')).toBe(0)
  })
})

describe('the keys of a view', () => {
  test('are its entries, and else begin with millrace:', async () => {
    const epoch = await serving(store, [put('42')])
    const writer = store.writer(userLayout)
    await writer.commit(aCommit(epoch, { parked: [aParked(11)], doubts: [aDoubt('d')] }))
    await writer.report('users/0', { code: 'c', message: 'm', hint: undefined, sinceMs: 1 })
    await store.audit(userLayout).look({ epoch, keys: ['42'], ticket: 't' })
    await store.watchable.want(() => ({ declaration: 'd1', adopt: false, prune: false, sweep: [] }))
    const claim = { holder: 'h', declaration: 'd1', ttlMs: 60_000, over: false }
    await store.coordination.lease(claim)
    const parts = ['barriers', 'checkpoints', 'doubts', 'lease', 'parked', 'problems']
    const all = [...parts, 'row-tickets', 'tickets', 'wanted'].map((part) => `${state}:${part}`)
    const found = await harness.redis.keys('*')
    expect(found.toSorted()).toEqual([state, ...all, 'user-information:42'].toSorted())
    const fields = await harness.redis.hgetall(state)
    expect(fields).toMatchObject({ format: '2', epoch, watermark: '0/10', 'complete:d1': '1' })
    expect(await harness.redis.hget(`${state}:checkpoints`, 'users/1')).toMatch(/^10 \{/)
    expect(await harness.redis.hget(`${state}:doubts`, 'd')).toMatch(/^\S+ \d+ unusable-change \{/)
  })

  test('say in the state how many doubts stand, so that a read need not ask', async () => {
    const epoch = await serving(store)
    const count = () => harness.redis.hget(state, 'doubts')
    for (const name of ['a', 'b']) await store.writer(userLayout).raise(epoch, aDoubt(name))
    expect(await count()).toBe('2')
    const { doubts } = await stateOf(store)
    await progress(store, { ended: doubts.map(({ id }) => id) })
    expect(await count()).toBe('0')
  })

  test('do not meet those of a neighbour, whatever its name looks like', async () => {
    const odd = await openView({ ...userLayout, name: 'user-[a-z]*' })
    await serving(store, [put('1')])
    await serving(odd, [put('2')])
    const neighbours = [
      'user-information-extra:1',
      'user-information-extra.hidden:1',
      'user-information',
      'user-information.hidden',
      'xuser-information:1',
      'xuser-information.hidden:1',
    ]
    for (const key of neighbours) await harness.redis.hset(key, 'a', 'b')
    expect(await everyKey(odd)).toEqual(new Set(['2']))
    expect(await everyKey(store)).toEqual(new Set(['1']))
    expect(await odd.watchable.occupant()).toBe('2')
  })

  test('of text are taken as they are', async () => {
    const places = await openView(placeLayout)
    const keys = ['a:b', '*', '[x]', 'é 😀', '', 'millrace:', '\\', "'"]
    const epoch = (await places.coordination.open(aBeginning()))!
    const row = { ownerId: '9223372036854775807', openedAt: null, motto: '' }
    const mutations = keys.map((entry) => ({ entry, put: row, add: { visitCount: 1n } }))
    await places.writer(placeLayout).commit(aCommit(epoch, { mutations }))
    expect(await everyKey(places)).toEqual(new Set(keys))
    const found = await texts(places, keys, placeLayout)
    for (const text of found) {
      const entry = { fields: row, counts: { visitCount: 1n }, empty: false }
      expect(decodeEntry(placeLayout, text)).toEqual(entry)
    }
  })
})

describe('a look at what people did to a hash', () => {
  const looked = async (key: string) => (await texts(store, [key]))[0]
  const hash = 'user-information:1'

  const numbers = ['x', '1.5', '01', '-0', ' 1', '', '+1', '1e3', '5;7', '-', '9223372036854775808']

  test.each(numbers)('can not take an entry apart whose counter reads %j', async (text) => {
    const entry = async () => decodeEntry(userLayout, (await looked('1'))!)
    await serving(store, [put('1')])
    expect(await entry()).toBeDefined()
    for (const counter of ['tweet-count', 'like-count']) {
      await harness.redis.hset(hash, 'user-id', '1', counter, text)
      expect(await entry()).toBeUndefined()
      await harness.redis.hdel(hash, 'user-id')
      expect(await entry()).toBeUndefined()
      await harness.redis.hset(hash, counter, '0')
    }
  })

  test('answers bytes that are no text as text that says which field is wrong', async () => {
    await serving(store, [put('1', { name: 'Ada', location: 'a \uFFFD b' })])
    const right = decodeEntry(userLayout, (await looked('1'))!)
    expect(right?.fields?.location).toBe('a \uFFFD b')
    const bytes = Buffer.from([0xff, 0x31, 0xe2, 0x82, 0x3b, 0xf0])
    await harness.redis.hset(hash, 'name', bytes)
    const found = decodeEntry(userLayout, (await looked('1'))!)
    const fields = { ...right?.fields, name: bytes.toString('utf8') }
    expect(found).toEqual({ ...right, fields })
  })

  test('finds a key of another type not readable, and the others as they are', async () => {
    await serving(store, [put('1')])
    await harness.redis.set('user-information:2', 'by hand')
    const [first, second, third] = await texts(store, ['1', '2', '3'])
    expect([first?.[0], second, third]).toEqual(['+', unreadable, absentText(userLayout)])
  })

  test('finds a missing counter, a foreign key and a lost row', async () => {
    await serving(store, [put('1')])
    const right = await looked('1')
    await harness.redis.hdel(hash, 'tweet-count')
    expect(await looked('1')).toBe(right?.replace(/;0;0;0;0$/, ';-;0;0;0'))
    await harness.redis.hset(hash, 'tweet-count', '0', 'user-id', '2')
    expect(await looked('1')).toBe(right?.replace('+1:1', '+1:2'))
    await harness.redis.hdel(hash, 'user-id')
    expect(await looked('1')).toBe('!;0;0;0;0')
    await harness.redis.del(hash)
    await harness.redis.hset(hash, 'stray', 'x')
    expect(await looked('1')).toBe('!;0;0;0;0')
  })
})

describe('displace', () => {
  const displaced = /^millrace:user-information:displaced:1:1\d{12}$/
  const displace = async () => {
    const { epoch } = await stateOf(store)
    return store.writer(userLayout).displace(epoch, '1')
  }

  test('moves a key of another type aside, as it is', async () => {
    await serving(store)
    await harness.redis.rpush('user-information:1', 'a', 'b')
    const name = await displace()
    expect(name).toMatch(displaced)
    expect(await harness.redis.lrange(name!, 0, -1)).toEqual(['a', 'b'])
    expect(await step(store, 10, [put('1')])).toMatchObject({ kind: 'applied' })
  })

  test.each(['x', '9223372036854775808'])(
    'moves a hash whose counter is %s aside',
    async (text) => {
      await serving(store, [put('1')])
      await harness.redis.hset('user-information:1', 'like-count', text)
      const liked = [add('1', { likeCount: 1n })]
      const refused = { code: 'store-type', entry: '1' }
      await expect(step(store, 10, liked)).rejects.toMatchObject(refused)
      const name = await displace()
      expect(await harness.redis.hgetall(name!)).toMatchObject({ 'like-count': text })
      expect(await harness.redis.exists('user-information:1')).toBe(0)
      expect(await step(store, 10, liked)).toMatchObject({ kind: 'applied' })
    },
  )

  test('leaves what is sound, absent, or of another epoch', async () => {
    await serving(store, [put('1')])
    expect(await displace()).toBeUndefined()
    await harness.redis.hset('user-information:1', 'stray', 'x', 'like-count', '-5')
    expect(await displace()).toBeUndefined()
    expect(await harness.redis.hget('user-information:1', 'stray')).toBe('x')
    await harness.redis.del('user-information:1')
    expect(await displace()).toBeUndefined()
    await harness.redis.set('user-information:1', 'by hand')
    expect(await store.writer(userLayout).displace(elsewhere, '1')).toBeUndefined()
    expect(await harness.redis.get('user-information:1')).toBe('by hand')
  })

  test('raises its doubt in the same step, and none where nothing is moved', async () => {
    const epoch = await serving(store, [put('1')])
    const writer = store.writer(userLayout)
    const doubt = aDoubt('d', { code: 'displaced-entry', keys: ['1'] })
    expect(await writer.displace(epoch, '1', doubt)).toBeUndefined()
    await harness.redis.set('user-information:1', 'by hand')
    expect(await writer.displace(elsewhere, '1', doubt)).toBeUndefined()
    expect((await stateOf(store)).doubts).toEqual([])
    expect(await writer.displace(epoch, '1', doubt)).toMatch(displaced)
    expect((await stateOf(store)).doubts).toMatchObject([{ name: 'd', keys: ['1'] }])
    const read = await readerOf(store).read(['1'])
    expect(read).toMatchObject({ doubts: ['displaced-entry'], entries: [null] })
  })

  test('is told of by a reader, the oldest first, without what lies there for another reason', async () => {
    await serving(store)
    for (const name of [':1:x', '.tally:17', '-else:1:17', 's']) {
      await harness.redis.set(`millrace:user-information:displaced${name}`, 'by hand')
    }
    await harness.redis.set('millrace:user-information-else:displaced:1:17', 'by hand')
    expect(await readerOf(store).displaced()).toEqual([])
    const places = new Map<string, string>()
    for (const key of ['user-information:1', 'user-information.top-artists:1']) {
      await harness.redis.set(key, 'by hand')
      const { epoch } = await stateOf(store)
      places.set(key, (await store.writer(tallyLayout).displace(epoch, '1'))!)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    const told = [...places.values()].map((place) => {
      return { place, entry: '1', atMs: Number(place.split(':').at(-1)) }
    })
    expect(await readerOf(store).displaced()).toEqual(told)
  })

  test('takes the tickets away, for they speak of what was there', async () => {
    const epoch = await serving(store, [put('1')])
    const audit = store.audit(userLayout)
    await audit.look({ epoch, keys: ['1'], ticket: 't' })
    await harness.redis.hset('user-information:1', 'like-count', 'x')
    await displace()
    const corrections = [{ ...put('1'), add: { likeCount: 1n } }]
    const lost = { kind: 'applied', lost: [0] }
    expect(await audit.correct({ epoch, ticket: 't', corrections })).toEqual(lost)
    expect(await everyKey(store)).toEqual(new Set())
  })

  test('finds a name that is free', async () => {
    await serving(store)
    const names = new Set<string | undefined>()
    for (let at = 0; at < 20; at++) {
      await harness.redis.set('user-information:1', String(at))
      names.add(await displace())
    }
    expect(names.size).toBe(20)
    for (const name of names) expect(await harness.redis.exists(name!)).toBe(1)
  })
})

describe('tickets', () => {
  const look = async (keys: readonly string[], ticket: string) => {
    const { epoch } = await stateOf(store)
    await store.audit(userLayout).look({ epoch, keys, ticket })
  }

  test.each(['tickets', 'row-tickets'])('as %s go some time after the last look', async (part) => {
    await serving(store, [put('1')])
    await look(['1'], 't')
    const ttlMs = await harness.redis.pttl(`${state}:${part}`)
    expect(ttlMs).toBeGreaterThan(limits.ticketTtlMs - 5_000)
    expect(ttlMs).toBeLessThanOrEqual(limits.ticketTtlMs)
    await harness.redis.pexpire(`${state}:${part}`, 1)
    await look(['2'], 't')
    expect(await harness.redis.pttl(`${state}:${part}`)).toBeGreaterThan(ttlMs - 5_000)
  })

  test.each([
    ['tickets', { name: 'Right', likes: 0n }],
    ['row-tickets', { name: null, likes: 1n }],
  ])('that went, as %s, leave undone what they allow alone', async (part, { name, likes }) => {
    const epoch = await serving(store, [put('1')])
    await look(['1'], 't')
    await harness.redis.del(`${state}:${part}`)
    const corrections = [{ ...put('1', { name: 'Right' }), add: { likeCount: 1n } }]
    const correction = { epoch, ticket: 't', corrections }
    expect(await store.audit(userLayout).correct(correction)).toEqual({
      kind: 'applied',
      lost: [0],
    })
    const found = await one(store, '1')
    expect([found?.fields.name, found?.counts.likeCount]).toEqual([name, likes])
  })

  test('do not pile up: beyond a bound the old ones go, and the new ones hold', async () => {
    const epoch = await serving(store, [put('1'), put('2')])
    await look(['1'], 'old')
    const fill = `for i = 1, 100 do
      local left = {}
      for j = 1, 1000 do left[2 * j - 1] = i .. ':' .. j left[2 * j] = 't' end
      redis.call('HSET', KEYS[1], unpack(left))
    end`
    await harness.redis.eval(fill, 1, `${state}:tickets`)
    await look(['2'], 'new')
    expect(await harness.redis.hlen(`${state}:tickets`)).toBe(1)
    expect(await harness.redis.hlen(`${state}:row-tickets`)).toBe(1)
    const audit = store.audit(userLayout)
    const liked = (entry: string) => [add(entry, { likeCount: 1n })]
    const lost = await audit.correct({ epoch, ticket: 'old', corrections: liked('1') })
    expect(lost).toEqual({ kind: 'applied', lost: [0] })
    const applied = await audit.correct({ epoch, ticket: 'new', corrections: liked('2') })
    expect(applied).toEqual({ kind: 'applied', lost: [] })
  })
})

describe('a state of another release', () => {
  const reads = () => [
    () => store.reader(userLayout, 'd1').read(['1']),
    () => store.reader(userLayout, 'd1').status(),
    () => store.watchable.state(),
    () => store.coordination.open(aBeginning()),
  ]

  test('that is newer is refused, and nobody writes', async () => {
    await building(store, [put('1')])
    await harness.redis.hset(state, 'format', '3')
    for (const read of reads()) {
      await expect(read()).rejects.toMatchObject({ code: 'store-newer', retriable: false })
    }
  })

  test('that is older is refused, with the way out', async () => {
    await harness.redis.hset(state, { id: 'x', number: '1', phase: 'serving', topics: '{}' })
    const older = { code: 'store-layout', hint: expect.stringContaining('millrace:') }
    for (const read of reads()) await expect(read()).rejects.toMatchObject(older)
    const commit = aCommit(elsewhere, { mutations: [put('1')] })
    const conflict = { kind: 'conflict', found: undefined }
    expect(await store.writer(userLayout).commit(commit)).toEqual(conflict)
    expect(await harness.redis.hlen(state)).toBe(4)
  })

  test('goes with its keys, and the view can begin', async () => {
    await harness.redis.hset(state, { id: 'x', number: '1', phase: 'serving', topics: '{}' })
    await harness.redis.hset(`${state}:checkpoints`, 'users/0', '{"next":"5","phase":"live"}')
    await harness.redis.del(state)
    const checkpoints = new Map([['users/0', checkpoint(7)]])
    const epoch = await store.coordination.open(aBeginning({ checkpoints }))
    const commit = aCommit(epoch!, { from: offset(7) })
    expect(await store.writer(userLayout).commit(commit)).toMatchObject({ kind: 'applied' })
  })
})

test('fields that no declaration has are swept by the names that they have in a hash', async () => {
  const epoch = await serving(store, [put('1')])
  const added = { 'like-count@ab12cd': '3', 'some-thing': 'x' }
  await harness.redis.hset('user-information:1', added)
  await store.audit(userLayout).sweep(epoch, ['1'], ['likeCount@ab12cd', 'someThing'])
  const left = await harness.redis.hkeys('user-information:1')
  expect(left.filter((field) => field in added)).toEqual([])
  expect(left).toContain('like-count')
})
