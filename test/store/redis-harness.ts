import { Redis } from 'ioredis'
import type { ViewLayout } from '../../src/mutation.ts'
import { openRedisStore } from '../../src/store/redis/redis-store.ts'
import { redisServer, type TestServer } from '../support/chain.ts'
import { userLayout } from '../support/view-layouts.ts'
import type { StoreHarness } from './store-fixture.ts'

export const callTimeoutMs = 2_000

/** A Redis of its own, and a bare client that does to it what people and accidents do. */
export type RedisHarness = StoreHarness & {
  readonly server: TestServer
  readonly redis: Redis
  openView(layout: ViewLayout): ReturnType<typeof openRedisStore>
}

export async function redisHarness(): Promise<RedisHarness> {
  const server = await redisServer()
  const redis = new Redis(server.url, { protocol: 2 })
  redis.on('error', () => undefined)
  const checkpoints = 'millrace:user-information:checkpoints'
  const openView = (layout: ViewLayout) =>
    openRedisStore({ url: server.url, layout, callTimeoutMs })
  return {
    server,
    redis,
    openView,
    open: () => openView(userLayout),
    reset: async () => {
      await redis.flushall()
    },
    stop: async () => {
      redis.disconnect()
      await server.stop()
    },
    loseState: async () => {
      await redis.del('millrace:user-information')
    },
    loseCheckpoint: async (partition) => {
      await redis.hdel(checkpoints, partition)
    },
    setBack: async (partition, next) => {
      const text = (await redis.hget(checkpoints, partition)) ?? ''
      await redis.hset(checkpoints, partition, text.replace(/"next":"\d+"/, `"next":"${next}"`))
    },
  }
}
