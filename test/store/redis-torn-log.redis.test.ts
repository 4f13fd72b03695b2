import { readdirSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import type { ViewStore } from '../../src/store/store.ts'
import { add, put, userLayout } from '../support/view-layouts.ts'
import { redisHarness, type RedisHarness } from './redis-harness.ts'
import { aCommit, checkpointsOf, one, serving, users0 } from './store-fixture.ts'
import { until } from '../support/wait.ts'

/** The last command of a script's effects is `EXEC`, 14 bytes; more of it is a torn command. */
const tornBytes = 20

let harness: RedisHarness
let store: ViewStore

beforeAll(async () => {
  harness = await redisHarness()
  store = await harness.open()
}, 60_000)

afterAll(async () => {
  await store?.close()
  await harness?.stop()
})

test('a commit that was torn in the append-only file is not half applied at a later start', async () => {
  await harness.syncAlways()
  const epoch = await serving(store, [put('42')])
  const like = aCommit(epoch, { mutations: [add('42', { likeCount: 1n })] })
  await rewritten()
  expect(await store.writer(userLayout).commit(like)).toMatchObject({ kind: 'applied' })
  await harness.server.kill()
  tear()
  await harness.server.start()
  await until('the store is back', async () => (await standsAt()) === 10n, 20_000)
  await rewritten()
  await harness.syncAlways()
  expect(await store.writer(userLayout).commit(like)).toMatchObject({ kind: 'applied' })
  await harness.server.kill()
  await harness.server.start()
  await until('the store is back', async () => (await standsAt()) === 20n, 20_000)
  expect((await one(store, '42'))?.counts.likeCount).toBe(1n)

  async function standsAt(): Promise<bigint | undefined> {
    const checkpoints = await checkpointsOf(store).catch(() => undefined)
    return checkpoints?.get(`${users0.topic}/${users0.partition}`)?.next
  }
}, 90_000)

/** Only the store's own doing is waited for. */
async function rewritten(): Promise<void> {
  await until(
    'the append-only file is rewritten',
    async () => {
      const info = await harness.redis.info('persistence')
      return /aof_last_rewrite_time_sec:\d/.test(info) && /aof_rewrite_in_progress:0/.test(info)
    },
    20_000,
  )
}

function tear(): void {
  const folder = join(harness.server.chain.folders.data, 'redis', 'appendonlydir')
  const newest = readdirSync(folder)
    .filter((name) => name.endsWith('.incr.aof'))
    .map((name) => join(folder, name))
    .toSorted((a, b) => statSync(a).mtimeMs - statSync(b).mtimeMs)
    .at(-1)!
  truncateSync(newest, statSync(newest).size - tornBytes)
}
