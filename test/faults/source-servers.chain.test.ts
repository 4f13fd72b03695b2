/** What is between the source and the view is away, under load: readers hardly notice. */
import { jest } from '@jest/globals'
import { ChainHarness, openTimeoutMs, type Traffic } from '../support/chain-harness.ts'
import { untilCapturing } from '../support/connect.ts'
import { asSuperuser } from '../support/source-sql.ts'
import { sleep, until } from '../support/wait.ts'

jest.setTimeout(240_000)

/** So that a view is stale after a moment without its servers. */
const promise = { MILLRACE_FRESH_WITHIN_MS: '3000' }

let harness: ChainHarness
let epoch: string
let traffics: Traffic[] = []

beforeAll(async () => {
  harness = await ChainHarness.open()
  harness.startWorker()
  epoch = await harness.untilServing()
}, openTimeoutMs)
afterAll(() => harness?.close(), 30_000)

// That of a test which failed must not run on into the next one.
afterEach(async () => {
  await Promise.allSettled(traffics.map((each) => each.stop()))
  traffics = []
})

test('the broker killed: /ready stays green and /fresh turns red until it is back', async () => {
  const { chain } = harness
  const reader = await harness.reader({ env: promise })
  const changes = traffic(100)
  await until('the view is fresh', async () => (await statusOf(`${reader.url}/fresh`)) === 200)
  await withoutServer('kafka', async () => {
    await until('the view is stale', async () => (await statusOf(`${reader.url}/fresh`)) === 503)
    expect(await statusOf(`${reader.url}/ready`)).toBe(200)
  })
  await sleep(2_000)
  await changes.stop()
  await untilCapturing(chain)
  await harness.untilExact(epoch)
  await until('the view is fresh', async () => (await statusOf(`${reader.url}/fresh`)) === 200)
  await reader.stop()
})

test('the registry killed: known schemas keep flowing; a worker started without it waits', async () => {
  const { chain } = harness
  const reader = await harness.reader()
  // The connector's task has to have met all four tables since it was started last.
  const first = traffic(100)
  await sleep(3_000)
  await first.stop()
  await harness.untilEqual()
  await withoutServer('registry', async () => {
    const atKill = await harness.progress()
    const second = traffic(100)
    await until('changes flow on', async () => (await harness.progress()) > atKill + 100n)
    await second.stop()
    await harness.untilEqual()

    await harness.killAndRestart()
    const waiting = await harness.progress()
    const third = traffic(100)
    await sleep(5_000)
    expect(await harness.progress()).toBe(waiting)
    await third.stop()
  })
  await untilCapturing(chain)
  await harness.untilExact(epoch)
  await reader.stop()
})

test('Connect stopped: /ready stays green, /fresh and /status say how old the view is', async () => {
  const { chain } = harness
  const reader = await harness.reader({ env: promise })
  const changes = traffic(100)
  await until('the view is fresh', async () => (await statusOf(`${reader.url}/fresh`)) === 200)
  await withoutServer('connect', async () => {
    await until('the view is stale', async () => (await statusOf(`${reader.url}/fresh`)) === 503)
    const { status, reasons } = await json(`${reader.url}/status`)
    expect(status).toBe('degraded')
    expect(reasons.join()).toMatch(/committed \d+ ms ago.*promised to have it within 3000 ms/)
    await sleep(3_000)
    expect(await statusOf(`${reader.url}/ready`)).toBe(200)
  })
  await untilCapturing(chain)
  await changes.stop()
  await harness.untilExact(epoch)
  await until('the view is fresh', async () => (await statusOf(`${reader.url}/fresh`)) === 200)
  await reader.stop()
  expect(reader.doubtsSeen).toEqual([])
})

test('a connector task that has failed is started again, and nothing is lost', async () => {
  const { chain } = harness
  const reader = await harness.reader()
  const changes = traffic(100)
  await asSuperuser(chain, 'alter role millrace_capture nologin')
  try {
    await asSuperuser(
      chain,
      `select pg_terminate_backend(active_pid) from pg_replication_slots where active`,
    )
    await until(
      'people are told',
      async () => {
        const { reasons } = await json(`${reader.url}/status`)
        return reasons.some((reason) => reason.includes("the connector's task has failed"))
      },
      120_000,
    )
  } finally {
    await asSuperuser(chain, 'alter role millrace_capture login')
  }
  await until(
    'no problem stands',
    async () => !('connector' in (await harness.problems())),
    120_000,
  )
  await changes.stop()
  await untilCapturing(chain)
  await harness.untilExact(epoch)
  await reader.stop()
})

test('Postgres killed and restarted: nothing is lost and nothing counts twice', async () => {
  const { chain } = harness
  const reader = await harness.reader()
  const changes = traffic(150)
  await sleep(1_500)
  await withoutServer('postgres', () => sleep(1_000))
  await sleep(2_000)
  await changes.stop()
  await untilCapturing(chain)
  await harness.untilExact(epoch)
  await reader.stop()
})

function traffic(rate: number): Traffic {
  const begun = harness.traffic(rate)
  traffics.push(begun)
  return begun
}

/** Kills a server; it is up again afterwards, also when `work` has failed. */
async function withoutServer(name: string, work: () => Promise<void>): Promise<void> {
  await harness.chain.kill(name)
  try {
    await work()
  } finally {
    await harness.chain.start(name)
  }
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
