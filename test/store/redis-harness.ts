import { Redis } from 'ioredis'
import type { ViewLayout } from '../../src/mutation.ts'
import { defaultUserRules } from '../../src/store/redis/acl.ts'
import { openRedisStore, type RedisStoreOptions } from '../../src/store/redis/redis-store.ts'
import { redisServer, type TestServer } from '../support/chain.ts'
import { userLayout } from '../support/view-layouts.ts'
import type { StoreHarness } from './store-fixture.ts'

export const callTimeoutMs = 2_000

/** A Redis of its own, and a bare client that does to it what people and accidents do. */
export type RedisHarness = StoreHarness & {
  readonly server: TestServer
  readonly redis: Redis
  /** Loses nothing at a kill until the next start: on a slow disk the last seconds may go else. */
  syncAlways(): Promise<void>
  /** A client of another view, or with other options. */
  openWith(options: Partial<RedisStoreOptions>): ReturnType<typeof openRedisStore>
}

export async function redisHarness(): Promise<RedisHarness> {
  const server = await redisServer()
  const redis = new Redis(server.url, { protocol: 2 })
  redis.on('error', () => undefined)
  // In the settings of this server too, for they count when it starts again.
  await redis.acl('SETUSER', 'default', ...defaultUserRules)
  await redis.config('REWRITE')
  const openWith = (options: Partial<RedisStoreOptions>) =>
    openRedisStore({ url: server.url, view: viewOf(userLayout), callTimeoutMs, ...options })
  return {
    server,
    redis,
    syncAlways: async () => void (await redis.config('SET', 'appendfsync', 'always')),
    openWith,
    open: (view) => openWith(view ? { view } : {}),
    reset: async () => void (await redis.flushall()),
    stop: async () => {
      redis.disconnect()
      await server.stop()
    },
    loseState: async () => void (await redis.del('millrace:user-information')),
    loseInstance: async () => void (await redis.hdel('millrace:user-information', 'instance')),
    loseCheckpoint: async (partition) =>
      void (await redis.hdel('millrace:user-information:checkpoints', partition)),
    copy: () => copyOf(redis),
  }
}

export function viewOf({ name, key }: ViewLayout) {
  return { name, key }
}

/** Dumps every key with its time to live, in one moment, and puts them back in another. */
async function copyOf(redis: Redis): Promise<() => Promise<void>> {
  const keys = await redis.keysBuffer('*')
  const taking = redis.multi()
  for (const key of keys) taking.dumpBuffer(key).pttl(key)
  const taken = ((await taking.exec()) ?? []).map(([, reply]) => reply)
  return async () => {
    const putting = redis.multi().flushall()
    keys.forEach((key, index) => {
      const ttlMs = Math.max(0, taken[index * 2 + 1] as number)
      putting.restore(key, ttlMs, taken[index * 2] as Buffer)
    })
    await putting.exec()
  }
}
