/** Entries that somebody changes by hand: found with the exact difference and put right in place. */
import type { WrongValue } from '../../src/reconcile/statistics.ts'
import { type ChainHarness, harnessForEachTest, testTimeoutMs } from '../support/chain-harness.ts'
import { sleep, until } from '../support/wait.ts'

const entry = (id: number | string) => `user-information:${id}`
/** Users that traffic plays with all the time. */
const hot = [1, 2, 3, 5, 7, 10, 11, 13, 15, 21]
const foundWithinMs = 60_000

describe('entries changed by hand', () => {
  let harness: ChainHarness
  harnessForEachTest((opened) => {
    harness = opened
  })

  test(
    'a counter, a text, a whole entry, a phantom and a removed field, all under traffic',
    async () => {
      const quiet = 63_001
      await harness.sql(
        `insert into users (user_id, username, name) values (${quiet}, 'quiet', 'Quiet'),
           (63002, 'removed', 'Removed') on conflict do nothing`,
        `insert into tweets (tweet_id, user_id)
           select n, ${quiet} from generate_series(63001, 63005) n on conflict do nothing`,
      )
      harness.startWorker()
      const epoch = await harness.untilServing()
      const reader = await harness.reader()
      const traffic = harness.traffic(200)
      await sleep(1_000)
      const { redis } = harness
      for (const id of hot) await redis.hincrby(entry(id), 'follower-count', 1_000 + id)
      await redis.hincrby(entry(quiet), 'tweet-count', -7)
      await redis.hset(entry(quiet), 'name', 'Planted')
      await redis.del(entry(63_002))
      await redis.hset(entry(63_999), { 'user-id': '63999', username: 'phantom' })
      await redis.hset(entry(63_998), 'like-count', '4')
      const found = await untilFound([quiet, 63_002, 63_999, 63_998, ...hot])

      for (const id of hot) {
        const { expected, found: value } = of(found, id, 'followerCount')
        expect(BigInt(value!) - BigInt(expected!)).toBe(BigInt(1_000 + id))
      }
      expect(of(found, quiet, 'tweetCount')).toMatchObject({ expected: '5', found: '-2' })
      // Texts are personal data: a hash stands for each.
      const { expected, found: value } = of(found, quiet, 'name')
      expect([expected, value]).toEqual(
        Array.from({ length: 2 }, () => expect.stringMatching(/^sha256:/)),
      )
      expect(expected).not.toBe(value)
      expect(found.every(({ healed }) => healed)).toBe(true)
      await traffic.stop()
      await harness.untilEqual()
      await harness.untilLooked()
      const planted = new Set([quiet, 63_002, 63_999, 63_998, ...hot].map(String))
      expect(new Set(found.map(({ key }) => key))).toEqual(planted)
      expect(await harness.standing()).toEqual({ epoch, wrong: planted.size, doubts: [] })
      for (const id of planted) expect(harness.log('worker-a')).toContain(`"key":"${id}"`)
      const status = (await (await fetch(`${reader.url}/status`)).json()) as {
        views: { looks: { wrong: number; healed: number } }[]
      }
      expect(status.views[0]!.looks).toMatchObject({ wrong: planted.size, healed: planted.size })
      await reader.stop()
    },
    testTimeoutMs,
  )

  test(
    'verify says what is wrong and changes nothing, with --heal it puts it right',
    async () => {
      // After a first lap the worker's own looks rest for minutes, so that they do not come first.
      harness.startWorker('worker-a', { MILLRACE_LOOK_ROWS_PER_SECOND: '1' })
      const epoch = await harness.untilServing()
      await until('the worker rests', async () => {
        const pass = await harness.pass()
        return pass?.lap === 2 && pass.section === 'store'
      })
      const traffic = harness.traffic(100)
      await harness.redis.hincrby(entry(1), 'tweet-count', 12)
      const verified = await harness.run(['verify'])
      expect(verified.code).toBe(1)
      expect(verified.output).toMatch(/differs: 1 tweetCount: SQL says \d+, the view says \d+/)
      expect(verified.output).toContain('1 entries differ')
      const healed = await harness.run(['verify', '--heal'])
      expect(healed.output).toContain('1 entries differ (1 values), corrected')
      const again = await harness.run(['verify'])
      expect([again.code, again.output]).toEqual([0, expect.stringContaining('0 entries differ')])
      await traffic.stop()
      await harness.untilEqual()
      expect((await harness.standing()).epoch).toBe(epoch)
    },
    testTimeoutMs,
  )

  test(
    'checkpoints removed by hand: the view is moved to a new barrier and comes right',
    async () => {
      harness.startWorker()
      const epoch = await harness.untilServing()
      const reader = await harness.reader()
      const traffic = harness.traffic(100)
      await sleep(1_000)
      await harness.redis.del('millrace:user-information:checkpoints')
      await reader.untilDoubted('checkpoint-missing')
      await until('another epoch is begun', async () => (await harness.state()).epoch !== epoch)
      await sleep(1_000)
      await traffic.stop()
      await harness.untilEqual()
      await reader.stop()
    },
    testTimeoutMs,
  )

  /** Every wrong value that looks have shown, once all of these entries are among them. */
  async function untilFound(ids: readonly number[]): Promise<readonly WrongValue[]> {
    const seen = new Map<string, WrongValue>()
    await until(
      'looks have found all of them',
      async () => {
        for (const each of (await harness.pass())?.statistics.latest ?? []) {
          seen.set(`${each.key} ${each.field} ${each.atMs}`, each)
        }
        const keys = new Set([...seen.values()].map(({ key }) => key))
        return ids.every((id) => keys.has(String(id)))
      },
      foundWithinMs,
    )
    return [...seen.values()]
  }

  function of(found: readonly WrongValue[], id: number, field: string): WrongValue {
    const match = found.find(({ key, field: name }) => key === String(id) && name === field)
    if (match) return match
    throw new Error(`${id} ${field} is not among ${JSON.stringify(found)}`)
  }
})
