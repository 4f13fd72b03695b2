/** Whatever SQL does to the source, the view says what SQL says. */
import { jest } from '@jest/globals'
import { ChainHarness, openTimeoutMs } from '../support/chain-harness.ts'
import { seedOfRun } from '../support/seed.ts'
import { asSuperuser } from '../support/source-sql.ts'
import { untilEqual } from '../support/truth.ts'
import { sleep } from '../support/wait.ts'

jest.setTimeout(240_000)

let harness: ChainHarness
let epoch: string
beforeAll(async () => {
  harness = await ChainHarness.open()
  harness.startWorker()
  epoch = await harness.untilServing()
}, openTimeoutMs)
afterAll(() => harness?.close(), 30_000)

test.each([11, 4_242, seedOfRun()])('hostile SQL of seed %d equals SQL', async (seed) => {
  const traffic = harness.traffic(400, seed)
  await sleep(5_000)
  const { rows } = await traffic.stop()
  expect(rows).toBeGreaterThan(500)
  await harness.untilExact(epoch)
})

test('COPY, whole tables updated, keys and groups moved at once', async () => {
  const { source, api } = harness.chain.urls
  await harness.sql(
    `insert into users (user_id, username)
       select n, 'u' || n from generate_series(90001, 90100) n on conflict do nothing`,
  )
  const program = `seq 1 3000 | awk '{ print 600000000 + $1 "," 90001 + $1 % 100 ",copied" }'`
  await asSuperuser(
    harness.chain,
    `copy tweets (tweet_id, user_id, text) from program $$${program}$$ csv`,
  )
  await harness.sql(
    `insert into likes (user_id, tweet_id)
       select 90001 + n % 100, 600000000 + n from generate_series(1, 1500) n`,
    `update tweets set user_id = 90001 + (user_id + 7) % 100 where tweet_id between 600000001 and 600003000`,
    `begin`,
    `delete from users where user_id between 90001 and 90020`,
    `insert into users (user_id, username) select n, 'again' from generate_series(90001, 90010) n`,
    `insert into follows (follower_id, followee_id)
       select a, b from generate_series(90001, 90010) a, generate_series(90030, 90040) b`,
    `savepoint here`,
    `update follows set followee_id = followee_id + 20 where followee_id between 90030 and 90035`,
    `delete from follows where follower_id = 90001`,
    `rollback to savepoint here`,
    `update follows set followee_id = followee_id + 40 where followee_id between 90036 and 90040`,
    `commit`,
    `begin`,
    `delete from follows where follower_id = 90002`,
    `rollback`,
    `insert into users (user_id, username) values
       (9223372036854775807, 'last'), (9223372036854775806, 'last but one') on conflict do nothing`,
    `insert into follows (follower_id, followee_id)
       values (9223372036854775807, 9223372036854775806) on conflict do nothing`,
  )
  await harness.untilExact(epoch)
  await untilEqual({ source, api })
})

test('long text that an update leaves alone is kept', async () => {
  const letters = `(select string_agg(md5(n::text || clock_timestamp()), '')
    from generate_series(1, 157) n)`
  await harness.sql(
    `insert into users (user_id, username, name, description)
       values (91001, 'long', 'Before', ${letters}) on conflict (user_id) do update
       set name = excluded.name, description = excluded.description`,
    `update users set name = 'After' where user_id = 91001`,
  )
  await harness.untilExact(epoch)
  const entry = await harness.redis.hgetall('user-information:91001')
  expect(entry.name).toBe('After')
  expect(entry.description).toMatch(/^[0-9a-f]{5024}$/)
})
