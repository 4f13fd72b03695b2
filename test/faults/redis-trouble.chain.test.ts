import { readScript } from '../../src/store/redis/scripts.ts'
import { type ChainHarness, harnessForEachTest, testTimeoutMs } from '../support/chain-harness.ts'
import { replyCutter } from '../support/reply-cutter.ts'
import { sleep, until } from '../support/wait.ts'

describe('a Redis that makes trouble', () => {
  let harness: ChainHarness
  harnessForEachTest((opened) => {
    harness = opened
  })

  test(
    'every fourth commit is applied and its reply cut off: nothing counts twice',
    async () => {
      const url = new URL(harness.chain.env.MILLRACE_REDIS!)
      await using cutter = await replyCutter(url.href, { of: readScript('commit').sha1, every: 4 })
      url.port = new URL(cutter.url).port
      harness.startWorker('worker-a', { MILLRACE_REDIS: url.href })
      const epoch = await harness.untilServing()
      const traffic = harness.traffic(200)
      await until('enough replies are lost', async () => cutter.cuts() >= 20, 60_000)
      await traffic.stop()
      cutter.heal()
      await harness.untilExact(epoch)
    },
    testTimeoutMs,
  )

  test(
    'scripts that are gone are loaded again',
    async () => {
      harness.startWorker()
      const epoch = await harness.untilServing()
      const reader = await harness.reader()
      const traffic = harness.traffic(200)
      for (let flush = 0; flush < 10; flush += 1) {
        await sleep(300)
        await harness.redis.script('FLUSH')
        await harness.redis.function('FLUSH')
      }
      await traffic.stop()
      await harness.untilExact(epoch)
      await reader.stop()
    },
    testTimeoutMs,
  )

  test(
    'full: nothing is written and reads go on, and when there is room again the worker goes on',
    async () => {
      harness.startWorker()
      const epoch = await harness.untilServing()
      const reader = await harness.reader()
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
      await harness.untilExact(epoch)
      await reader.stop()
    },
    testTimeoutMs,
  )

  test(
    'a key of another type is moved aside, its place is logged, and its entry is made again',
    async () => {
      harness.startWorker()
      const epoch = await harness.untilServing()
      const reader = await harness.reader()
      const traffic = harness.traffic(200)
      const key = 'user-information:1'
      await harness.redis.multi().del(key).rpush(key, 'not a hash').exec()
      // A profile edit, so that at least one partition needs that very entry.
      await harness.sql(`update users set name = 'Edited' where user_id = 1`)
      const places = async () => harness.redis.keys('millrace:user-information:displaced:1:*')
      await until('it is moved aside', async () => (await places()).length === 1)
      const [place] = await places()
      expect(await harness.redis.lrange(place!, 0, -1)).toEqual(['not a hash'])
      await sleep(1_000)
      await traffic.stop()
      await harness.untilEqual()
      const { epoch: after, wrong } = await harness.standing()
      expect([after, wrong]).toEqual([epoch, 1])
      expect((await harness.redis.hgetall(key)).name).toBe('Edited')
      // The reader met the entry while it was none, which Redis answers with an error.
      await reader.stop({ except: ['refused', 'not ready'] })
      // By the partition or by a look, whichever meets it first.
      const lines = harness.log('worker-a').split('\n')
      const told = lines.filter((line) => line.includes('what was no entry was moved aside'))
      expect(told.filter((line) => line.includes(`"place":"${place}"`))).toHaveLength(1)
    },
    testTimeoutMs,
  )

  test(
    'entries that Redis evicts by itself are a doubt, and are put in again',
    async () => {
      harness.startWorker()
      const epoch = await harness.untilServing()
      const reader = await harness.reader()
      // Only what may expire is evicted under this policy: these entries and nothing else.
      for (let id = 5; id < 15; id += 1) await harness.redis.expire(`user-information:${id}`, 999)
      try {
        await harness.redis.config('SET', 'maxmemory-policy', 'volatile-ttl')
        const { used_memory: used } = await memory()
        await harness.redis.config('SET', 'maxmemory', String(Number(used) - 2_000))
        await until('keys are evicted', async () => Number((await memory()).evicted_keys) > 0)
      } finally {
        await harness.redis.config('SET', 'maxmemory', '0')
        await harness.redis.config('SET', 'maxmemory-policy', 'noeviction')
      }
      await reader.untilDoubted('entries-evicted')
      await harness.untilEqual()
      const { epoch: after, wrong } = await harness.standing()
      expect(after).toBe(epoch)
      expect(wrong).toBeGreaterThan(0)
      await reader.stop()
    },
    testTimeoutMs,
  )

  async function memory(): Promise<Readonly<Record<string, string>>> {
    const text = (await harness.redis.info('memory')) + (await harness.redis.info('stats'))
    return Object.fromEntries(text.split('\r\n').map((line) => line.split(':')))
  }
})
