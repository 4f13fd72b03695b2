/** The broker or the schema registry away, under load. */
import { jest } from '@jest/globals'
import { randomPorts } from '../../src/dev/ports.ts'
import { ChainHarness } from '../support/chain-harness.ts'
import { startRole } from '../support/chain.ts'
import { untilCapturing } from '../support/connect.ts'
import { sleep, until } from '../support/wait.ts'

jest.setTimeout(240_000)

let harness: ChainHarness
beforeEach(async () => {
  harness = await ChainHarness.open()
  harness.startWorker()
  await harness.untilServing(undefined, 90_000)
}, 240_000)
afterEach(() => harness?.close(), 30_000)

test('the broker killed and restarted: readiness is red meanwhile, and all goes on', async () => {
  const { chain } = harness
  const port = String((await randomPorts()).api)
  startRole(chain, {
    name: 'api-watched',
    args: ['api'],
    env: { MILLRACE_API_PORT: port, MILLRACE_STALE_AFTER_MS: '3000' },
  })
  const readiness = () => statusOf(`http://127.0.0.1:${port}/ready`)
  await until('the API is ready', async () => (await readiness()) === 200)
  const generation = (await harness.state()).id
  const traffic = harness.traffic(100)
  await sleep(1_500)
  await chain.kill('kafka')
  await until('readiness turns red', async () => (await readiness()) === 503)
  await chain.start('kafka')
  await sleep(2_000)
  await traffic.stop()
  await untilCapturing(chain)
  await harness.untilEqual()
  await until('readiness turns green', async () => (await readiness()) === 200)
  expect(await harness.state()).toMatchObject({ id: generation })
})

test('the registry killed: known schemas keep flowing; a new worker waits for it', async () => {
  const { chain } = harness
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
  expect(await statusOf(`${chain.urls.api}/users/1`)).toBe(200)
  await chain.start('registry')
  await untilCapturing(chain)
  await second.stop()
  await harness.untilEqual()
})

async function statusOf(url: string): Promise<number | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(3_000) })
    await response.body?.cancel()
    return response.status
  } catch {
    return undefined
  }
}
