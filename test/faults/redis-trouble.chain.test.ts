import { readScript } from '../../src/store/redis/scripts.ts'
import { type ChainHarness, harnessForEachTest, testTimeoutMs } from '../support/chain-harness.ts'
import { replyCutter } from '../support/reply-cutter.ts'
import { sleep, until } from '../support/wait.ts'

const state = 'millrace:user-information'

describe('a Redis that makes trouble', () => {
  let harness: ChainHarness
  harnessForEachTest((opened) => {
    harness = opened
  })

  test(
    'every fourth commit is applied and its reply cut off: nothing counts twice',
    async () => {
      const { redis } = harness.chain.urls
      await using cutter = await replyCutter(redis, { of: readScript('commit').sha1, every: 4 })
      harness.startWorker('worker-a', { MILLRACE_REDIS: cutter.url })
      const generation = await harness.untilServing()
      const traffic = harness.traffic(200)
      await until('enough replies are lost', async () => cutter.cuts() >= 20, 60_000)
      await traffic.stop()
      cutter.heal()
      await harness.untilEqual()
      expect(await harness.intact()).toBe(generation)
    },
    testTimeoutMs,
  )

  test(
    'scripts that are gone are loaded again',
    async () => {
      harness.startWorker()
      const generation = await harness.untilServing()
      const traffic = harness.traffic(200)
      for (let flush = 0; flush < 10; flush += 1) {
        await sleep(300)
        await harness.redis.script('FLUSH')
        await harness.redis.function('FLUSH')
      }
      await traffic.stop()
      await harness.untilEqual()
      expect(await harness.intact()).toBe(generation)
    },
    testTimeoutMs,
  )

  test(
    'full: nothing is written, and when there is room again the worker goes on',
    async () => {
      harness.startWorker()
      const generation = await harness.untilServing()
      const traffic = harness.traffic(200)
      await sleep(1_500)
      await harness.redis.config('SET', 'maxmemory', '1mb')
      try {
        const full = await harness.progress()
        await sleep(3_000)
        expect(await harness.progress()).toBe(full)
      } finally {
        await harness.redis.config('SET', 'maxmemory', '0')
      }
      await sleep(1_000)
      await traffic.stop()
      await harness.untilEqual()
      expect(await harness.intact()).toBe(generation)
    },
    testTimeoutMs,
  )

  test(
    'a key of another type is named, nothing is half written, and put back all goes on',
    async () => {
      harness.startWorker()
      const generation = await harness.untilServing()
      const key = 'user-information:1'
      await harness.redis
        .multi()
        .rename(key, 'held:user-information:1')
        .rpush(key, 'not a hash')
        .exec()
      const traffic = harness.traffic(200)
      // A profile edit, so that at least one partition needs that very entry.
      await harness.sql(`update users set name = 'Edited' where user_id = 1`)
      await until('the key is named', async () => {
        const problems = await harness.redis.hvals(`${state}:problems`)
        return problems.some((text) => text.includes(key))
      })
      await sleep(1_000)
      expect(await harness.redis.lrange(key, 0, -1)).toEqual(['not a hash'])
      await harness.redis.multi().del(key).rename('held:user-information:1', key).exec()
      await traffic.stop()
      await harness.untilEqual()
      expect(await harness.intact()).toBe(generation)
      await until(
        'no problem stands',
        async () => (await harness.redis.hlen(`${state}:problems`)) === 0,
      )
    },
    testTimeoutMs,
  )
})
