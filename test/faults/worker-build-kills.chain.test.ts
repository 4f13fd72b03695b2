/** A worker that dies while it puts a view's entries in for the first time. */
import { type ChainHarness, harnessForEachTest, testTimeoutMs } from '../support/chain-harness.ts'
import { makeProbeUser, pollProbeUser } from '../support/probe-user.ts'
import { chanceOf } from '../support/seed.ts'
import { tcpProxy } from '../support/tcp-proxy.ts'
import { sleep, until } from '../support/wait.ts'

/** So many that their looks are several groups, each of which is written down when it is done. */
const people = 16_000
const firstPerson = 800_000_000
const descriptionChars = 2_400
/** Makes each step of the worker in Redis long enough to be met in its middle. */
const replyDelayMs = 25

describe('a worker killed while it builds a view', () => {
  let harness: ChainHarness
  harnessForEachTest((opened) => {
    harness = opened
  })

  afterEach(async () => {
    await harness.sql(`delete from users where user_id > ${firstPerson}`)
  }, testTimeoutMs)

  test(
    'goes on where it was; readers get 503 until the end, then complete numbers',
    async () => {
      const random = chanceOf('kills')
      await makeProbeUser(harness)
      await harness.sql(
        `insert into users (user_id, username, description)
           select ${firstPerson} + n, 'person-' || n, repeat(md5(n::text), ${descriptionChars / 32})
           from generate_series(1, ${people}) n`,
      )
      const redis = harness.chain.env.MILLRACE_REDIS!
      await using proxy = await tcpProxy(redis)
      proxy.delay('down', replyDelayMs)
      const probe = pollProbeUser(harness)
      const traffic = harness.traffic(50)
      harness.startWorker('worker-a', { MILLRACE_REDIS: proxy.through(redis) })
      await until('the build has begun', async () => (await harness.pass()) !== undefined)
      const { epoch } = await harness.state()
      const entries: number[] = []
      for (let done = 0; ; done = entries.at(-1)!) {
        await until('a group of entries is done', async () => {
          const pass = await harness.pass()
          return pass?.kind !== 'build' || pass.entries > done
        })
        const pass = await harness.pass()
        if (pass?.kind !== 'build' || pass.section !== 'rows') break
        entries.push(pass.entries)
        // Also in the middle of the corrections of the next group.
        await sleep(random.fraction() * 800)
        await harness.killAndRestart()
        const after = await harness.pass()
        expect([after?.lap, after!.entries >= entries.at(-1)!]).toEqual([1, true])
      }
      expect(entries.length).toBeGreaterThan(1)
      proxy.heal()
      await traffic.stop()
      await harness.untilExact(epoch!, testTimeoutMs)
      const { right, unavailable } = await probe.stop()
      expect([right > 20, unavailable > 20]).toEqual([true, true])
    },
    testTimeoutMs * 2,
  )
})
