import { type ChainHarness, harnessForEachTest, testTimeoutMs } from '../support/chain-harness.ts'
import { runRole } from '../support/chain.ts'
import { makeProbeUser, pollProbeUser } from '../support/probe-user.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'
import { sleep, until } from '../support/wait.ts'

/** Makes each step of the worker in Redis long enough to be met in its middle. */
const replyDelayMs = 20
const phases = ['dropping', 'reading', 'pouring'] as const

describe('a worker killed while it builds a view', () => {
  let harness: ChainHarness
  harnessForEachTest((opened) => {
    harness = opened
  })

  test(
    'in dropping, in reading and in pouring: readers get complete numbers or 503, and it ends exact',
    async () => {
      await makeProbeUser(harness)
      const { redis } = harness.chain.urls
      await using proxy = await tcpProxy(redis)
      proxy.delay('down', replyDelayMs)
      harness.startWorker('worker-a', {
        MILLRACE_REDIS: proxy.through(redis),
        MILLRACE_ENTRIES_PER_POUR_MAX: '20',
      })
      let generation = await harness.untilServing()
      const traffic = harness.traffic(100)
      const probe = pollProbeUser(harness)
      for (const phase of phases) {
        const rebuild = runRole(harness.chain, ['rebuild'], testTimeoutMs)
        await until(`the worker is ${phase}`, () => isIn(phase))
        if (phase === 'reading') await sleep(Math.random() * 300)
        await harness.killAndRestart()
        generation = await harness.untilServing(generation)
        expect(await rebuild).toMatchObject({ code: 0 })
      }
      await traffic.stop()
      await harness.untilEqual()
      const { right, unavailable } = await probe.stop()
      expect([right > 20, unavailable > 0]).toEqual([true, true])
    },
    testTimeoutMs,
  )

  async function isIn(phase: (typeof phases)[number]): Promise<boolean> {
    const state = await harness.state()
    if (phase === 'dropping') return state.phase === 'dropping'
    const checkpoints = await harness.redis.hvals('millrace:user-information:checkpoints')
    if (phase === 'reading') return state.phase === 'building' && checkpoints.length === 0
    return checkpoints.some((text) => text.includes('"pouring"'))
  }
})
