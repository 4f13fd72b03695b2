/** Tables altered while their changes flow. */
import { jest } from '@jest/globals'
import type { Chain } from '../../src/dev/chain.ts'
import { ChainHarness } from '../support/chain-harness.ts'
import { runRole } from '../support/chain.ts'
import { ready } from '../support/ready.ts'
import { untilEqual } from '../support/truth.ts'
import { sleep, until } from '../support/wait.ts'

jest.setTimeout(240_000)

let chain: Chain
let harness: ChainHarness

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
  await harness.untilServing(undefined, 90_000)
}, 240_000)

afterAll(() => harness?.close(), 60_000)

test('columns added and widened flow, under load', async () => {
  const generation = (await harness.state()).id
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
  expect(await harness.state()).toMatchObject({ id: generation })
  await untilEqual({ source: chain.urls.source, api: chain.urls.api })
})

test('a needed column that is gone stops its topic and names column and view', async () => {
  await harness.sql(
    'alter table users rename column location to place',
    `update users set place = 'nowhere' where user_id = 61001`,
  )
  await until('readiness says so', async () => {
    return (await ready(chain)).problems.includes('column-gone')
  })
  const { httpStatus, reasons } = await ready(chain)
  expect(httpStatus).toBe(503)
  expect(reasons.join()).toMatch(/column location of users is gone.*view user-information/)
  await harness.sql('insert into follows (follower_id, followee_id) values (61001, 61002)')
  await until('other topics go on', async () => {
    const { redis } = harness
    return (await redis.hget('user-information:61002', 'follower-count')) === '1'
  })
  // The column put back, and every row written again: what was written without it is history.
  await harness.sql(
    'alter table users rename column place to location',
    'update users set username = username where user_id = 61001',
  )
  expect(await runRole(chain, ['rebuild'])).toMatchObject({ code: 0 })
  await harness.untilEqual()
  await until('readiness is green', async () => (await ready(chain)).httpStatus === 200)
})

test('a replica identity altered for a moment marks the view, which is built anew', async () => {
  const generation = (await harness.state()).id
  const traffic = harness.traffic(100)
  await harness.sql(
    'begin',
    'alter table tweets replica identity default',
    'update tweets set user_id = 61002 where tweet_id = 61001',
    'alter table tweets replica identity full',
    'commit',
  )
  await until('the view is marked or built anew', async () => {
    const { id, mark } = await harness.state()
    return id !== generation || mark !== undefined
  })
  await harness.untilServing(generation, 60_000)
  await traffic.stop()
  await harness.untilEqual()
})
