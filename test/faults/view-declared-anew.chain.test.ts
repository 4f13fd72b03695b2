/**
 * A declaration changed while it is served, and a view made of entries that somebody else has
 * written: both in place, under traffic.
 */
import { join } from 'node:path'
import { type ChainHarness, harnessForEachTest, testTimeoutMs } from '../support/chain-harness.ts'
import { countFields, textFields } from '../support/always-there.ts'
import { sleep, until } from '../support/wait.ts'

const declared = join(import.meta.dirname, '..', 'support', 'declared-views')
const earlier = { MILLRACE_CONFIG: join(declared, 'earlier.ts') }
const later = { MILLRACE_CONFIG: join(declared, 'later.ts') }
const all = [...textFields, ...countFields]
const fieldsOfEarlier = all.filter((name) => !['description', 'likeCount'].includes(name))
const fieldsOfLater = all.filter((name) => !['location', 'followingCount'].includes(name))

describe('a view that is declared anew', () => {
  let harness: ChainHarness
  harnessForEachTest((opened) => {
    harness = opened
  })

  test(
    'a field and a counter added and others removed, with workers and APIs of both side by side',
    async () => {
      harness.startWorker('worker-old', earlier)
      const epoch = await harness.untilServing()
      const old = await harness.reader({ name: 'api-old', env: earlier, fields: fieldsOfEarlier })
      const traffic = harness.traffic(150)
      harness.startWorker('worker-new', later)
      const unapplied = harness.reader({ name: 'api-new', env: later, fields: fieldsOfLater })
      unapplied.catch(() => undefined)
      // Nobody has applied it: nothing changes, and whoever runs it says so.
      await until('the later worker says why it waits', () =>
        harness.log('worker-new').includes('declaration-unknown'),
      )
      expect((await harness.state()).epoch).toBe(epoch)

      const applied = await harness.run(['apply'], { env: later })
      expect([applied.code, applied.output]).toEqual([0, expect.stringContaining('done')])
      const young = await unapplied
      await until('the earlier worker says why it stopped', () =>
        harness.log('worker-old').includes('declaration-replaced'),
      )
      // Killed and started again, workers of both stand as they stood.
      await harness.killAndRestart('worker-old')
      await harness.killAndRestart('worker-new')
      await sleep(3_000)
      await traffic.stop()
      // Both declarations together are all that is compared here.
      await harness.untilEqual()
      expect((await harness.standing()).wrong).toBe(0)
      await old.stop()
      expect(old.doubtsSeen).toEqual([])

      await harness.stopWorker('worker-old')
      const more = harness.traffic(100)
      const pruned = await harness.run(['apply', '--prune'], { env: later })
      expect([pruned.code, pruned.output]).toEqual([0, expect.stringContaining('done')])
      await until('what nobody declares is swept', async () => {
        const wanted = await harness.redis.get('millrace:user-information:wanted')
        return (JSON.parse(wanted!) as { sweep: string[] }).sweep.length === 0
      })
      await sleep(1_000)
      await more.stop()
      await harness.untilPassed(await harness.written())
      await harness.untilLooked()
      await young.stop()
      const gone = ['location', 'following-count']
      const left = await harness.differences()
      expect(left.filter(({ field }) => !gone.includes(field))).toEqual([])
      expect(left.filter(({ found }) => found !== undefined)).toEqual([])
      for (const { user_id: id } of await harness.sql('select user_id::text from users')) {
        expect(await harness.redis.hmget(`user-information:${id}`, ...gone)).toEqual([null, null])
      }
      expect(await harness.standing()).toMatchObject({ wrong: 0, doubts: [] })
    },
    testTimeoutMs,
  )

  test(
    'drifted hashes under its keys: refused without --adopt, put right in place with it',
    async () => {
      await plantDrifted(harness)
      const before = await dump(harness)
      const traffic = harness.traffic(100)
      harness.startWorker()
      await until('the worker says why it waits', () =>
        harness.log('worker-a').includes('store-occupied'),
      )
      const refused = await harness.run(['apply'])
      expect(refused.code).toBe(1)
      expect(refused.output).toMatch(/entries named like those.*, as user-information:\d+/)
      expect(refused.output).toContain('Nothing was changed')
      expect(refused.output).toContain('--adopt')
      expect(await dump(harness)).toEqual(before)
      expect(await harness.state()).toEqual({})

      const adopted = await harness.run(['apply', '--adopt'])
      expect([adopted.code, adopted.output]).toEqual([0, expect.stringContaining('done')])
      const epoch = await harness.untilServing()
      await traffic.stop()
      await harness.untilEqual()
      await harness.untilLooked()
      expect(await harness.differences()).toEqual([])
      expect(await harness.redis.exists('user-information:4711')).toBe(0)
      // What could not be an entry is kept aside for people. Nothing else was ever wrong.
      const aside = await harness.redis.keys('millrace:user-information:displaced:*')
      expect(aside.length).toBeGreaterThan(0)
      const { wrong, ...standing } = await harness.standing()
      expect(standing).toEqual({ epoch, doubts: [] })
      expect(wrong).toBeLessThanOrEqual(aside.length)
    },
    testTimeoutMs,
  )
})

/** Hashes as a cache that was written by hand has them: counters that drifted, texts that are old. */
async function plantDrifted({ redis }: ChainHarness): Promise<void> {
  const pipeline = redis.pipeline()
  for (let id = 1; id <= 150; id += 1) {
    const key = `user-information:${id}`
    pipeline.hset(key, { 'user-id': String(id), name: 'Old', 'tweet-count': String(id * 3) })
    pipeline.hset(key, { 'follower-count': String(-id), 'like-count': '7' })
    if (id % 3 === 0) pipeline.hset(key, { 'follower-count': 'many' })
    if (id % 10 === 0) pipeline.hdel(key, 'user-id')
  }
  // Nobody has this id any more.
  pipeline.hset('user-information:4711', { 'user-id': '4711', name: 'Gone', 'like-count': '5' })
  await pipeline.exec()
}

async function dump({ redis }: ChainHarness): Promise<Readonly<Record<string, unknown>>> {
  const keys = (await redis.keys('user-information:*')).toSorted()
  const values = keys.map(async (key) =>
    (await redis.type(key)) === 'hash' ? redis.hgetall(key) : 'no hash',
  )
  const found = await Promise.all(values)
  return Object.fromEntries(keys.map((key, index) => [key, found[index]]))
}
