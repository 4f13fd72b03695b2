import type { ViewLayout } from '../../mutation.ts'
import type { ViewStore } from '../store.ts'
import { RedisConnection, type RedisOptions } from './connection.ts'
import { RedisCoordination } from './coordination.ts'
import { RedisLayout } from './keys.ts'
import { RedisReader } from './reader.ts'
import { RedisWriter } from './writer.ts'

export type RedisStoreOptions = RedisOptions & { readonly layout: ViewLayout }

/**
 * The view in plain Redis: a hash for each entry, `user-information:42`, and the state in the hash
 * `millrace:user-information`. Rejects within `callTimeoutMs` when Redis is away (retriable), and
 * with code `store-old` or `store-evicts` when it can't keep what is promised.
 */
export async function openRedisStore(options: RedisStoreOptions): Promise<ViewStore> {
  const layout = new RedisLayout(options.layout)
  const connection = await RedisConnection.connect(options)
  return {
    name: 'redis',
    writer: new RedisWriter(connection, options.layout, layout),
    reader: new RedisReader(connection, layout),
    coordination: new RedisCoordination(connection, layout),
    close: async () => connection.close(),
  }
}
