import { Redis } from 'ioredis'
import { Client } from 'pg'
import type { Chain } from '../../src/dev/chain.ts'
import { startTestChain, stopTestChain } from './chain.ts'
import { differences, untilEqual } from './truth.ts'

let chain: Chain
let redis: Redis
let client: Client
let where: { source: string; redis: string }

beforeAll(async () => {
  chain = await startTestChain({ servers: ['postgres', 'redis'] })
  where = { source: chain.env.MILLRACE_SOURCE_APP ?? '', redis: chain.urls.redis }
  redis = new Redis(where.redis)
  client = new Client({ connectionString: where.source })
  await client.connect()
}, 120_000)

afterAll(async () => {
  redis?.disconnect()
  await client?.end()
  if (chain) await stopTestChain(chain)
}, 60_000)

const right = {
  'user-id': '9007199254740993',
  username: 'odd',
  name: '',
  'joined-date': '2026-11-21T09:18:00.120000Z',
  'tweet-count': '2',
  'following-count': '0',
  'follower-count': '1',
  'like-count': '1',
}
const key = 'user-information:9007199254740993'

beforeEach(async () => {
  await client.query(`truncate users cascade`)
  await client.query(`insert into users (user_id, username, name, joined_date) values
    (9007199254740993, 'odd', '', '2026-11-21 10:18:00.12+01'), (1, 'one', null, '2000-01-01Z')`)
  await client.query('insert into tweets values (5, 9007199254740993), (6, 9007199254740993)')
  await client.query('insert into follows values (1, 9007199254740993)')
  await client.query('insert into likes values (9007199254740993, 5)')
  await redis.flushall()
  await redis.hset(key, right)
  await redis.hset('user-information:1', {
    'user-id': '1',
    username: 'one',
    'joined-date': '2000-01-01T00:00:00.000000Z',
    'tweet-count': '0',
    'following-count': '1',
    'follower-count': '0',
    'like-count': '0',
  })
})

test('an entry that is right does not differ', async () => {
  expect(await differences(where)).toEqual([])
  expect(await untilEqual(where)).toBeLessThan(5_000)
})

test.each([
  ['tweet-count', '2', '3'],
  ['name', '', undefined],
  ['location', undefined, ''],
  ['user-id', '9007199254740993', undefined],
  ['odd', undefined, '1'],
])('%s that is %j in SQL and %j in Redis is found', async (field, truth, found) => {
  await (found === undefined ? redis.hdel(key, field) : redis.hset(key, field, found))
  const entry = '9007199254740993'
  expect(await differences(where)).toEqual([{ where: 'redis', entry, field, truth, found }])
})

test('an entry that nobody has is found, and named when the time is over', async () => {
  await redis.hset('user-information:77', 'tweet-count', '0')
  await expect(untilEqual({ ...where, timeoutMs: 300 })).rejects.toThrow(
    'redis 77 tweet-count: SQL says nothing, found "0"',
  )
})

test('an entry that is lacking is found', async () => {
  await redis.del(key)
  expect(await differences(where)).toHaveLength(Object.keys(right).length)
})

test('the Postgres store is compared column by column, and rows without a user are found', async () => {
  await client.query(`create table user_information as
    select user_id, true as present, username, name, description, location, web_page_url,
      joined_date, profile_image_url, background_image_url, 0::bigint as tweet_count,
      0::bigint as following_count, 0::bigint as follower_count, 0::bigint as like_count
    from users where user_id = 1`)
  try {
    await client.query('insert into user_information (user_id, present) values (8, false)')
    const found = await differences({ source: where.source, postgres: where.source })
    expect(found).toHaveLength(3)
    expect(found).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ entry: '1', field: 'following_count', truth: '1', found: '0' }),
        expect.objectContaining({ entry: '9007199254740993', field: '*', found: undefined }),
        expect.objectContaining({ entry: '8', field: '*', truth: undefined }),
      ]),
    )
    await client.query('delete from user_information where user_id = 8')
    await client.query('update user_information set present = null, following_count = 1')
    const hidden = await differences({ source: where.source, postgres: where.source })
    expect(hidden.map(({ entry, field }) => [entry, field])).toContainEqual(['1', 'present'])
  } finally {
    await client.query('drop table user_information')
  }
})
