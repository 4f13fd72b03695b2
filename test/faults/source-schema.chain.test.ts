/** Tables altered while their changes flow. */
import { jest } from '@jest/globals'
import type { Chain } from '../../src/dev/chain.ts'
import { ChainHarness, openTimeoutMs } from '../support/chain-harness.ts'
import { ready } from '../support/ready.ts'
import { untilEqual } from '../support/truth.ts'
import { sleep, until } from '../support/wait.ts'

jest.setTimeout(240_000)

let chain: Chain
let harness: ChainHarness
let epoch: string

beforeAll(async () => {
  harness = await ChainHarness.open()
  chain = harness.chain
  await harness.sql(
    `insert into users (user_id, username, name) values (61001, 'altered', 'First'),
       (61002, 'other', 'Other') on conflict (user_id) do update set name = excluded.name`,
    `insert into tweets (tweet_id, user_id) values (61001, 61001) on conflict do nothing`,
    `delete from follows where follower_id = 61001`,
  )
  harness.startWorker()
  epoch = await harness.untilServing()
}, openTimeoutMs)

afterAll(() => harness?.close(), 60_000)

test('columns added and widened flow under load, and no value is lost', async () => {
  const reader = await harness.reader()
  const traffic = harness.traffic(150)
  await sleep(1_000)
  await harness.sql(
    'alter table users add column extra integer, alter column location type varchar(1000)',
    `update users set name = 'Widened', extra = 7 where user_id = 61001`,
  )
  await sleep(2_000)
  await harness.sql(
    'alter table users alter column extra type bigint',
    `update users set name = 'Wider', extra = 5000000000 where user_id = 61001`,
    'alter table users drop column extra, alter column location type text',
  )
  await sleep(1_000)
  await traffic.stop()
  await harness.untilEqual()
  // Widening rewrites a table, which is a doubt; nothing was wrong, though.
  expect(await harness.standing()).toEqual({ epoch, wrong: 0, doubts: [] })
  await untilEqual({ source: chain.urls.source, api: chain.urls.api })
  await reader.stop()
})

test('a needed column renamed stops its topic alone, which names column and view, until it is back', async () => {
  const reader = await harness.reader()
  await harness.sql('alter table users rename column location to place')
  try {
    await harness.sql(`update users set place = 'nowhere' where user_id = 61001`)
    await until('people are told', async () => {
      return (await ready(chain)).problems.includes('column-gone')
    })
    const { httpStatus, status, reasons } = await ready(chain)
    expect([httpStatus, status]).toEqual([200, 'degraded'])
    expect(reasons.join()).toMatch(/column location of users is gone.*view user-information/)
    // The set-up is checked about once a second; a column that is back before that is not missed.
    await reader.untilDoubted('source-unfit')
    await harness.sql('insert into follows (follower_id, followee_id) values (61001, 61002)')
    await until('other topics go on', async () => {
      const { redis } = harness
      return (await redis.hget('user-information:61002', 'follower-count')) === '1'
    })
    expect(await harness.redis.hget('user-information:61001', 'location')).toBeNull()
  } finally {
    await harness.sql('alter table users rename column place to location')
  }
  await reader.untilDoubted('source-was-unfit')
  await harness.untilEqual()
  expect(await harness.redis.hget('user-information:61001', 'location')).toBe('nowhere')
  await until('nothing stands still', async () => (await ready(chain)).problems.length === 0)
  await reader.stop()
})

test('a needed column renamed and back in one moment leaves out the change between, which a look corrects', async () => {
  const reader = await harness.reader()
  await harness.sql(
    'alter table users rename column location to place',
    `update users set place = 'between' where user_id = 61001`,
    'alter table users rename column place to location',
  )
  await reader.untilDoubted('unusable-change')
  await harness.untilEqual()
  expect(await harness.redis.hget('user-information:61001', 'location')).toBe('between')
  await until('nothing stands still', async () => (await ready(chain)).problems.length === 0)
  await reader.stop()
})
