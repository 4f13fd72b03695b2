/** What is between the source and the view is away, under load: readers hardly notice. */
import { jest } from '@jest/globals'
import { ChainHarness, openTimeoutMs } from '../support/chain-harness.ts'
import { untilCapturing } from '../support/connect.ts'
import { asSuperuser } from '../support/source-sql.ts'
import { sleep, until } from '../support/wait.ts'

jest.setTimeout(240_000)

/** So that a view is stale after a moment without its servers. */
const promise = { MILLRACE_FRESH_WITHIN_MS: '3000' }

let harness: ChainHarness
let epoch: string
beforeAll(async () => {
  harness = await ChainHarness.open()
  harness.startWorker()
  epoch = await harness.untilServing()
}, openTimeoutMs)
afterAll(() => harness?.close(), 30_000)

test('the broker killed: /ready stays green and /fresh turns red until it is back', async () => {
  const { chain } = harness
  const reader = await harness.reader({ env: promise })
  const traffic = harness.traffic(100)
  await sleep(1_500)
  expect(await statusOf(`${reader.url}/fresh`)).toBe(200)
  await chain.kill('kafka')
  await until('the view is stale', async () => (await statusOf(`${reader.url}/fresh`)) === 503)
  expect(await statusOf(`${reader.url}/ready`)).toBe(200)
  await chain.start('kafka')
  await sleep(2_000)
  await traffic.stop()
  await untilCapturing(chain)
  await harness.untilExact(epoch)
  await until('the view is fresh', async () => (await statusOf(`${reader.url}/fresh`)) === 200)
  await reader.stop()
})

test('the registry killed: known schemas keep flowing; a worker started without it waits', async () => {
  const { chain } = harness
  const reader = await harness.reader()
  const first = harness.traffic(100)
  await sleep(1_500)
  await chain.kill('registry')
  const atKill = await harness.progress()
  await until('changes flow on', async () => (await harness.progress()) > atKill + 100n)
  await first.stop()
  await harness.untilEqual()

  await harness.killAndRestart()
  const waiting = await harness.progress()
  const second = harness.traffic(100)
  await sleep(5_000)
  expect(await harness.progress()).toBe(waiting)
  await chain.start('registry')
  await untilCapturing(chain)
  await second.stop()
  await harness.untilExact(epoch)
  await reader.stop()
})

test('Connect stopped: /ready stays green, /fresh and /status say how old the view is', async () => {
  const { chain } = harness
  const reader = await harness.reader({ env: promise })
  const traffic = harness.traffic(100)
  await sleep(1_000)
  await chain.processes.stop('connect')
  await until('the view is stale', async () => (await statusOf(`${reader.url}/fresh`)) === 503)
  const { status, reasons } = await json(`${reader.url}/status`)
  expect(status).toBe('degraded')
  expect(reasons.join()).toMatch(/committed \d+ ms ago.*promised to have it within 3000 ms/)
  await sleep(3_000)
  expect(await statusOf(`${reader.url}/ready`)).toBe(200)
  await chain.start('connect')
  await untilCapturing(chain)
  await traffic.stop()
  await harness.untilExact(epoch)
  await until('the view is fresh', async () => (await statusOf(`${reader.url}/fresh`)) === 200)
  await reader.stop()
  expect(reader.doubtsSeen).toEqual([])
})

test('a connector task that has failed is started again, and nothing is lost', async () => {
  const { chain } = harness
  const reader = await harness.reader()
  const traffic = harness.traffic(100)
  // Debezium tries again for a while and then gives up.
  await asSuperuser(chain, 'alter role millrace_capture nologin')
  try {
    await asSuperuser(
      chain,
      `select pg_terminate_backend(active_pid) from pg_replication_slots where active`,
    )
    await until('the task has failed', async () => (await taskState()) === 'FAILED', 120_000)
    await until('people are told', async () => {
      return (await harness.problems()).connector === 'connector-failed'
    })
    const { reasons } = await json(`${reader.url}/status`)
    expect(reasons.join()).toContain("the connector's task has failed")
  } finally {
    await asSuperuser(chain, 'alter role millrace_capture login')
  }
  await until('the task runs', async () => (await taskState()) === 'RUNNING', 60_000)
  await traffic.stop()
  await harness.untilExact(epoch)
  await until('no problem stands', async () => {
    return Object.keys(await harness.problems()).length === 0
  })
  await reader.stop()
})

test('Postgres killed and restarted: nothing is lost and nothing counts twice', async () => {
  const { chain } = harness
  const reader = await harness.reader()
  const traffic = harness.traffic(150)
  await sleep(1_500)
  await chain.kill('postgres')
  await sleep(1_000)
  await chain.start('postgres')
  await sleep(2_000)
  await traffic.stop()
  await untilCapturing(chain)
  await harness.untilExact(epoch, 60_000)
  await reader.stop()
})

async function taskState(): Promise<string | undefined> {
  const { connect } = harness.chain.urls
  const url = `${connect}/connectors/${harness.chain.env.MILLRACE_CONNECTOR}/status`
  const answer = await fetch(url).catch(() => undefined)
  const { tasks } = (await answer?.json()) as { tasks?: { state: string }[] }
  return tasks?.[0]?.state
}

async function json(url: string): Promise<{ status: string; reasons: string[] }> {
  return (await (await fetch(url)).json()) as { status: string; reasons: string[] }
}

async function statusOf(url: string): Promise<number | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(3_000) })
    await response.body?.cancel()
    return response.status
  } catch {
    return undefined
  }
}
