/** Transactions that are long, or lost after somebody has seen them. */
import { jest } from '@jest/globals'
import { Client } from 'pg'
import { readConfig } from '../../src/config.ts'
import { newMarker } from '../../src/consume/marker-log.ts'
import { createLog } from '../../src/log.ts'
import { closeOutside, openOutside } from '../../src/roles/outside.ts'
import { ChainHarness, openTimeoutMs, testTimeoutMs } from '../support/chain-harness.ts'
import { untilCapturing } from '../support/connect.ts'
import { asSuperuser } from '../support/source-sql.ts'
import { sleep, until } from '../support/wait.ts'

const crashes = 4
const ofCrashes = 640_000_000

jest.setTimeout(testTimeoutMs)

let harness: ChainHarness
let epoch: string
beforeAll(async () => {
  harness = await ChainHarness.open()
  harness.startWorker()
  epoch = await harness.untilServing()
}, openTimeoutMs)
afterAll(() => harness?.close(), 30_000)

test.each(['beside traffic', 'in quiet'])(
  'Connect has committed that it passed a marker once the next one is there, %s',
  async (when) => {
    const { chain } = harness
    const traffic = when === 'in quiet' ? undefined : harness.traffic(200)
    const end = new AbortController()
    const outside = openOutside(readConfig(chain.env), createLog('silent', 'test'))
    const { source, markers, connect } = outside
    const running = markers.run(end.signal)
    try {
      await markers.ready()
      for (let round = 0; round < 30; round += 1) {
        const [text, next] = [newMarker(), newMarker()]
        const { lsn } = await source.mark(text, next)
        expect(await markers.arrival(next, AbortSignal.timeout(20_000))).toBe(true)
        const { commitLsn, snapshot } = await connect.committed()
        expect([text, next].map((each) => markers.inTransaction(each))).toEqual([true, true])
        expect(snapshot).toBe(false)
        expect(commitLsn).toBeGreaterThan(lsn)
      }
    } finally {
      end.abort()
      await traffic?.stop()
      await closeOutside(outside)
      await running
    }
  },
)

test('transactions that stay open across many looks lead to no false verdict', async () => {
  const traffic = harness.traffic(150)
  const before = await looks()
  const [idle, busy] = await Promise.all([session(), session()])
  try {
    await idle.query('begin')
    await idle.query(`insert into likes (user_id, tweet_id)
      select 1, tweet_id from tweets order by tweet_id limit 50 on conflict do nothing`)
    await idle.query(`savepoint here`)
    await idle.query(`update users set name = 'Open' where user_id = 40`)
    const working = busy.query(`begin; delete from follows where follower_id = 39;
      insert into follows (follower_id, followee_id) select 39, n from generate_series(1, 30) n;
      select pg_sleep(6); commit`)
    await until(
      'many looks were taken meanwhile',
      async () => (await looks()) > before + 20,
      60_000,
    )
    await working
    await idle.query('rollback to savepoint here')
    await idle.query('commit')
  } finally {
    await Promise.all([idle.end(), busy.end(), traffic.stop()])
  }
  await harness.untilExact(epoch)
})

test('commits that were seen and then lost in a crash of Postgres lead to no false verdict', async () => {
  const { chain } = harness
  const reader = await harness.reader()
  // Commits are answered before they are durable, and then only markers make them so.
  await asSuperuser(chain, `alter system set wal_writer_delay = '10s'`)
  await asSuperuser(chain, 'select pg_reload_conf()')
  await asSuperuser(chain, 'alter role millrace_app set synchronous_commit = off')
  let lost = 0
  try {
    for (let crash = 0; crash < crashes; crash += 1) {
      const traffic = harness.traffic(100)
      await sleep(1_500)
      const written = await burst(crash)
      await chain.kill('postgres')
      await chain.start('postgres')
      const found = await harness.sql(
        `select tweet_id::text from tweets where tweet_id > ${ofCrashes + crash * 1_000}
           and tweet_id <= ${ofCrashes + (crash + 1) * 1_000}`,
      )
      lost += written - found.length
      await traffic.stop()
      await untilCapturing(chain)
    }
  } finally {
    await asSuperuser(chain, 'alter role millrace_app reset synchronous_commit')
    await asSuperuser(chain, 'alter system reset wal_writer_delay')
    await asSuperuser(chain, 'select pg_reload_conf()')
  }
  await harness.untilExact(epoch, 60_000)
  expect(lost).toBeGreaterThan(0)
  await reader.stop()
})

/** Commits one row after another until just before the crash; answers how many were acknowledged. */
async function burst(crash: number): Promise<number> {
  const client = await session()
  let acknowledged = 0
  const untilMs = performance.now() + 700
  while (performance.now() < untilMs && acknowledged < 1_000) {
    acknowledged += 1
    await client.query('insert into tweets (tweet_id, user_id) values ($1, 2)', [
      ofCrashes + crash * 1_000 + acknowledged,
    ])
  }
  client.end().catch(() => undefined)
  return acknowledged
}

async function session(): Promise<Client> {
  const client = new Client({ connectionString: harness.chain.urls.source })
  client.on('error', () => undefined)
  await client.connect()
  return client
}

async function looks(): Promise<number> {
  return (await harness.pass())?.statistics.looks ?? 0
}
