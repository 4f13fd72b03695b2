/** A store that has lost everything, or what was written last, or the last minute. */
import { cpSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { Random } from '../../src/random.ts'
import {
  type ChainHarness,
  harnessForEachTest,
  mendedWithinMs,
  seedOfRun,
  testTimeoutMs,
} from '../support/chain-harness.ts'
import { makeProbeUser, pollProbeUser } from '../support/probe-user.ts'
import { sleep, until } from '../support/wait.ts'

const cuts = 3
/** What a reader may meet while its store is away, or was put back. */
const storeAway = ['refused', 'not ready', 'falling watermark'] as const

describe('a Redis that loses what was written', () => {
  let harness: ChainHarness
  harnessForEachTest((opened) => {
    harness = opened
  })

  test(
    'emptied under load: built anew by itself; readers get 503 until then and never wrong numbers',
    async () => {
      await makeProbeUser(harness)
      harness.startWorker()
      const first = await harness.untilServing()
      const traffic = harness.traffic(200)
      const probe = pollProbeUser(harness)
      await sleep(2_000)
      await harness.redis.flushall()
      // Once more in the middle of what the worker does about it.
      await until('another epoch is begun', async () => (await harness.state()).epoch !== undefined)
      await harness.redis.flushall()
      const second = await harness.untilServing(mendedWithinMs)
      expect(second).not.toBe(first)
      await sleep(2_000)
      await traffic.stop()
      await harness.untilExact(second)
      const { right, unavailable } = await probe.stop()
      expect([right > 20, unavailable > 0]).toEqual([true, true])
    },
    testTimeoutMs,
  )

  test(
    'killed, and the end of its append-only file cut off: the worker goes back to where it is',
    async () => {
      const random = new Random(seedOfRun())
      harness.startWorker()
      const epoch = await harness.untilServing()
      const traffic = harness.traffic(200)
      let lost = 0n
      for (let cut = 0; cut < cuts; cut += 1) {
        await sleep(1_500)
        // While the worker hangs, what stands before and after can be compared.
        harness.chain.pause('worker-a')
        const before = await harness.progress()
        await harness.chain.kill('redis')
        cutEnd(harness, random.integer(1_000, 5_000))
        await harness.chain.start('redis')
        lost += before - (await harness.progress())
        harness.chain.resume('worker-a')
        await until('the worker is beyond it', async () => (await harness.progress()) > before)
        await rewritten(harness)
      }
      await traffic.stop()
      expect(lost).toBeGreaterThan(0n)
      await harness.untilExact(epoch)
    },
    testTimeoutMs,
  )

  test(
    'put back to a copy of some seconds ago: the workers go back with it, and nothing is wrong',
    async () => {
      harness.startWorker('worker-a')
      harness.startWorker('worker-b')
      const epoch = await harness.untilServing()
      await harness.redis.bgrewriteaof()
      await rewritten(harness)
      const reader = await harness.reader()
      const traffic = harness.traffic(200)
      await sleep(2_000)
      const folder = join(harness.chain.folders.data, 'redis', 'appendonlydir')
      cpSync(folder, `${folder}.copy`, { recursive: true })
      const copied = await harness.progress()
      await sleep(8_000)
      const lost = await harness.progress()
      await harness.chain.kill('redis')
      rmSync(folder, { recursive: true })
      cpSync(`${folder}.copy`, folder, { recursive: true })
      rmSync(`${folder}.copy`, { recursive: true })
      await harness.chain.start('redis')
      await until('the workers have made up for it', async () => (await harness.progress()) > lost)
      await sleep(2_000)
      await traffic.stop()
      expect(lost - copied).toBeGreaterThan(500n)
      await harness.untilExact(epoch)
      await reader.stop({ except: storeAway })
      expect(reader.met('falling watermark')).toBeGreaterThan(0)
    },
    testTimeoutMs,
  )
})

/**
 * A torn script leaves its MULTI in the file, and the start after the next would run what follows
 * once more. The worker has the file written anew; a crash before that is not what is tested here.
 */
async function rewritten({ redis }: ChainHarness): Promise<void> {
  await until('the append-only file is rewritten', async () => {
    const info = await redis.info('persistence')
    return /aof_last_rewrite_time_sec:\d/.test(info) && /aof_rewrite_in_progress:0/.test(info)
  })
}

/** Cuts so many bytes off the file that Redis has written last. */
function cutEnd({ chain }: ChainHarness, bytes: number): void {
  const folder = join(chain.folders.data, 'redis', 'appendonlydir')
  const newest = readdirSync(folder)
    .filter((name) => name.endsWith('.incr.aof'))
    .map((name) => join(folder, name))
    .toSorted((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs)
    .at(-1)!
  truncateSync(newest, Math.max(0, statSync(newest).size - bytes))
}
