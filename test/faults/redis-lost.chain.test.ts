/** A store that has lost everything, or what was written last. */
import { readdirSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import {
  type ChainHarness,
  harnessForEachTest,
  mendedWithinMs,
  testTimeoutMs,
} from '../support/chain-harness.ts'
import { makeProbeUser, pollProbeUser } from '../support/probe-user.ts'
import { appendOnlyFolder, untilRewritten } from '../support/redis-files.ts'
import { chanceOf } from '../support/seed.ts'
import { sleep, until } from '../support/wait.ts'

const cuts = 3

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
      const random = chanceOf('cuts')
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
        await untilRewritten(harness.redis)
      }
      await traffic.stop()
      expect(lost).toBeGreaterThan(0n)
      await harness.untilExact(epoch)
    },
    testTimeoutMs,
  )
})

/** Cuts so many bytes off the file that Redis has written last. */
function cutEnd({ chain }: ChainHarness, bytes: number): void {
  const folder = appendOnlyFolder(chain)
  const newest = readdirSync(folder)
    .filter((name) => name.endsWith('.incr.aof'))
    .map((name) => join(folder, name))
    .toSorted((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs)
    .at(-1)!
  truncateSync(newest, Math.max(0, statSync(newest).size - bytes))
}
