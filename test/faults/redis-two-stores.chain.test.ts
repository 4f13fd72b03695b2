import { randomPorts } from '../../src/dev/ports.ts'
import { parseLsn } from '../../src/position.ts'
import {
  type ChainHarness,
  harnessForEachTest,
  mendedWithinMs,
  testTimeoutMs,
} from '../support/chain-harness.ts'
import { startRole } from '../../src/dev/start-role.ts'
import { untilEqual } from '../support/truth.ts'
import { until } from '../support/wait.ts'

describe('Redis and Postgres kept at once', () => {
  let harness: ChainHarness
  harnessForEachTest((opened) => {
    harness = opened
  })

  test(
    'a Redis that is down holds nothing up; both end equal to SQL, and readers get the same bits',
    async () => {
      const { source } = harness.chain.urls
      const fromPostgres = await startApiOfPostgres(harness)
      harness.startWorker('worker-a', { MILLRACE_STORES: 'redis,postgres' })
      const epoch = await harness.untilServing()
      await until('Postgres serves', async () => (await watermark(fromPostgres)) > 0n)
      const traffic = harness.traffic(150)

      await harness.chain.kill('redis')
      await harness.sql(`update users set name = 'Seen in Postgres' where user_id = 1`)
      const written = await harness.written()
      await until('Postgres goes on', async () => (await watermark(fromPostgres)) >= written)
      await harness.chain.start('redis')

      await traffic.stop()
      await harness.untilExact(epoch)
      const postgres = harness.chain.env.MILLRACE_POSTGRES!
      await untilEqual({ source, postgres, timeoutMs: mendedWithinMs })
      const users = await harness.sql('select user_id::text as id from users limit 100')
      for (const { id } of users) {
        const [one, other] = await Promise.all(
          [harness.chain.urls.api, fromPostgres].map((api) => answerOf(`${api}/users/${id}`)),
        )
        expect(one).toEqual(other)
        expect(one).toMatchObject({ status: 200 })
      }
    },
    testTimeoutMs,
  )
})

/** The URL of an API beside the chain's own that reads from Postgres. */
async function startApiOfPostgres({ chain }: ChainHarness): Promise<string> {
  const { api } = await randomPorts()
  const env = { MILLRACE_API_PORT: String(api), MILLRACE_READ_FROM: 'postgres' }
  startRole(chain, { name: 'api-postgres', args: ['api'], env })
  return `http://127.0.0.1:${api}`
}

/** How far the view is that the API reads; -1 while it does not say. */
async function watermark(api: string): Promise<bigint> {
  const answer = await fetch(`${api}/users/1`).catch(() => undefined)
  await answer?.body?.cancel()
  const header = answer?.headers.get('millrace-watermark')
  return header ? parseLsn(header) : -1n
}

async function answerOf(url: string) {
  const answer = await fetch(url)
  return {
    status: answer.status,
    etag: answer.headers.get('etag'),
    body: Buffer.from(await answer.arrayBuffer()).toString('hex'),
  }
}
