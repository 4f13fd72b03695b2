import {
  type ChainHarness,
  harnessForEachTest,
  sessionTimeoutMs,
  testTimeoutMs,
} from '../support/chain-harness.ts'
import { watchCommits, workerAddresses } from '../support/late-commits.ts'
import { chanceOf } from '../support/seed.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'
import { sleep, until } from '../support/wait.ts'

/** `MILLRACE_TEST_KILLS=200` and more for a long run. */
const kills = Number(process.env.MILLRACE_TEST_KILLS ?? 12)
const pauses = 3
/** Longer than the session, so that the other worker takes every partition over meanwhile. */
const pausedMs = sessionTimeoutMs + 3_000
const turns = Number(process.env.MILLRACE_TEST_TURNS ?? 5)
const turnMs = 3_000
const partitions = 16

describe('workers that die, hang, come and go', () => {
  let harness: ChainHarness
  harnessForEachTest((opened) => {
    harness = opened
  })

  test(
    `a worker killed ${kills} times at random points under load counts nothing twice`,
    async () => {
      const random = chanceOf('kills')
      harness.startWorker()
      const epoch = await harness.untilServing()
      const reader = await harness.reader()
      const traffic = harness.traffic(200)
      for (let kill = 0; kill < kills; kill += 1) {
        const before = await harness.progress()
        await until('the worker applies changes', async () => (await harness.progress()) > before)
        await sleep(random.fraction() * 300)
        await harness.killAndRestart()
      }
      await traffic.stop()
      await harness.untilExact(epoch)
      await reader.stop()
    },
    testTimeoutMs + kills * 5_000,
  )

  test(
    'a worker that hung beyond its session while another took over changes nothing afterwards',
    async () => {
      const random = chanceOf('pauses')
      harness.startWorker('worker-a')
      harness.startWorker('worker-b')
      const epoch = await harness.untilServing()
      const traffic = harness.traffic(200)
      for (let pause = 0; pause < pauses; pause += 1) {
        const [name, other] = pause % 2 === 0 ? ['worker-a', 'worker-b'] : ['worker-b', 'worker-a']
        await until('both have partitions', () => applying(name) > 0 && applying(other) > 0)
        await sleep(1_000 + random.fraction() * 500)
        const before = applying(other)
        harness.chain.pause(name)
        await sleep(pausedMs)
        // The other one has begun to apply where the hung one had been.
        expect(applying(other)).toBeGreaterThanOrEqual(before + partitions / 4)
        harness.chain.resume(name)
      }
      await sleep(1_000)
      await traffic.stop()
      await harness.untilExact(epoch)
    },
    testTimeoutMs,
  )

  test(
    'commits that reach Redis after another worker took over change nothing',
    async () => {
      const redis = harness.chain.env.MILLRACE_REDIS!
      await using proxy = await tcpProxy(redis)
      harness.startWorker('worker-a', { MILLRACE_REDIS: proxy.through(redis) })
      const epoch = await harness.untilServing()
      const addresses = await workerAddresses(harness.redis)
      const commits = await watchCommits(harness.chain.urls.redis, addresses)
      harness.onClose(async () => commits.stop())
      const traffic = harness.traffic(300)
      await until('the worker applies changes', () => commits.applied() > 20)
      // What worker-a sends from now on is on its way for longer than its session lasts.
      proxy.delay('up', pausedMs + 6_000)
      await sleep(1_500)
      harness.chain.pause('worker-a')
      const [sent, applied] = [commits.sent(), commits.applied()]
      harness.startWorker('worker-b')
      await until('worker-b has taken over', () => applying('worker-b') >= partitions, pausedMs)
      const refused = () => commits.sent() - sent - (commits.applied() - applied)
      await until('a late commit arrives and is not applied', async () => {
        if (refused() === 0) return false
        await sleep(500)
        return refused() > 0
      })
      harness.chain.resume('worker-a')
      proxy.heal()
      await sleep(1_000)
      await traffic.stop()
      await harness.untilExact(epoch)
    },
    testTimeoutMs,
  )

  test(
    `workers that join and leave every ${turnMs / 1_000} s leave no gap, and the view goes on`,
    async () => {
      harness.startWorker('worker-a')
      const epoch = await harness.untilServing()
      const traffic = harness.traffic(150)
      const started = await harness.progress()
      for (let turn = 0; turn < turns; turn += 1) {
        const name = `worker-${'bc'[turn % 2]}`
        if (turn >= 2) await harness.stopWorker(name)
        else harness.startWorker(name)
        await sleep(turnMs)
        if (turn >= 2) harness.startWorker(name)
      }
      expect((await harness.progress()) - started).toBeGreaterThan(1_000n)
      await traffic.stop()
      await harness.untilExact(epoch)
    },
    testTimeoutMs + turns * turnMs,
  )

  /** How often this worker has begun to apply a partition. */
  function applying(name: string): number {
    return harness.log(name).split('"applying"').length - 1
  }
})
