import type { ViewLayout } from '../../src/mutation.ts'
import { readScript } from '../../src/store/redis/scripts.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { put, userLayout } from '../support/view-layouts.ts'
import { redisHarness, type RedisHarness } from './redis-harness.ts'
import {
  building,
  dropAll,
  everyEntry,
  serving,
  storeForEachTest,
  topics,
} from './store-fixture.ts'

const state = 'millrace:user-information'
let harness: RedisHarness
let store: ViewStore
const closeAfterwards = storeForEachTest(redisHarness, (...parts) => {
  ;[harness, store] = parts
})

test('an entry is a plain hash that people can read', async () => {
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
  const found = await harness.redis.hgetall(state)
  const { id, number, phase, watermark } = found
  expect({ id, number, phase, watermark }).toEqual({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    number: '1',
    phase: 'serving',
    watermark: '0/10',
  })
})

test('a drop takes every generation of its view and no neighbour', async () => {
  const neighbours = [
    'user-information-extra:1',
    'user-informationx:1',
    'user-information@x:1',
    'xuser-information:1',
    'user-information',
    'millrace:user-information-extra',
  ]
  for (const key of neighbours) await harness.redis.hset(key, 'a', 'b')
  await building(store, [put('1'), put('a:b')])
  await harness.redis.hset('user-information@2:1', 'user-id', '1')
  await harness.redis.set('user-information:alien', 'by hand')
  await store.coordination.lease('me', 60_000)
  await dropAll(store)
  const left = await harness.redis.keys('*')
  expect(new Set(left)).toEqual(new Set([...neighbours, `${state}:lease`]))
})

test('a drop mends a state of a wrong type', async () => {
  await harness.redis.set(state, 'by hand')
  await expect(store.writer.generation()).rejects.toMatchObject({ code: 'store-type' })
  for await (const removed of store.coordination.drop(undefined)) expect(removed).toBe(0)
  expect(await store.writer.generation()).toBeUndefined()
})

test('a view with a name that looks like a pattern keeps to itself', async () => {
  const odd: ViewLayout = { ...userLayout, name: 'user-[a-z]*' }
  const other = await harness.openView(odd)
  closeAfterwards(other)
  await serving(store, [put('1')])
  await serving(other, [put('2')])
  expect([...(await everyEntry(other)).keys()]).toEqual(['2'])
  await dropAll(other)
  expect((await everyEntry(other)).size).toBe(0)
  expect([...(await everyEntry(store)).keys()]).toEqual(['1'])
  expect(await other.writer.generation()).toBeUndefined()
})

test('a call to drop that Redis gets late drops nothing that was opened after', async () => {
  const id = await serving(store, [put('1')])
  await dropAll(store)
  const late = await store.coordination.open(topics)
  const { source } = readScript('drop-begin')
  const answer = await harness.redis.eval(source, 1, state, id, 'dropping-id')
  expect(answer).toEqual(['conflict'])
  expect(await harness.redis.eval(source, 1, state, '', 'dropping-id')).toEqual(['conflict'])
  expect(await store.writer.generation()).toEqual(late)
})

test('a call to drop that comes again after its reply was lost goes on', async () => {
  const id = await serving(store, [put('1')])
  const { source } = readScript('drop-begin')
  for (const _ of ['call', 'same call']) {
    const answer = await harness.redis.eval(source, 1, state, id, 'dropping-id')
    expect(answer).toEqual(['dropping', 'dropping-id'])
  }
})
