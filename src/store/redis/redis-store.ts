import type { ViewLayout } from '../../mutation.ts'
import type { ViewStore } from '../store.ts'
import { RedisAudit } from './audit.ts'
import { RedisConnection, type RedisOptions } from './connection.ts'
import { RedisCoordination, RedisWatchable } from './coordination.ts'
import { RedisKeeping } from './keeping.ts'
import { viewKeys } from './keys.ts'
import { redisFaults } from './faults.ts'
import { RedisReader } from './reader.ts'
import { RedisTallies } from './tallies.ts'
import { RedisWriter } from './writer.ts'

export type RedisStoreOptions = Omit<RedisOptions, 'keys'> & {
  /** Its name and the column of its key; layouts come with readers and writers. */
  readonly view: Pick<ViewLayout, 'name' | 'key'>
}

/**
 * The view in plain Redis: a hash for each entry, `user-information:42`, a sorted set for each of its
 * tallies, `user-information.top-artists:42`, and the state in the hash `millrace:user-information`. Rejects within `callTimeoutMs` when Redis is away (retriable), and
 * with code `store-old` when it can't keep what is promised. Where it evicts keys, or would lose
 * what is written when it starts again, every call that writes rejects until that is mended.
 */
export async function openRedisStore({ view, ...options }: RedisStoreOptions): Promise<ViewStore> {
  const keys = viewKeys(view.name)
  const connection = await RedisConnection.connect({ ...options, keys })
  return {
    name: 'redis',
    watchable: new RedisWatchable(connection, keys),
    coordination: new RedisCoordination(connection, keys),
    reader: (layout, served) => new RedisReader(connection, keys, { layout, served }),
    writer: (layout) => new RedisWriter(connection, keys, layout),
    audit: (layout) => new RedisAudit(connection, keys, layout),
    tallies: (layout) => new RedisTallies(connection, keys, layout),
    keeping: (layout) => new RedisKeeping(connection, keys, layout),
    faults: () => redisFaults(connection, keys, options.url),
    close: async () => connection.close(),
  }
}
