import type { Config } from '../config.ts'
import { MillraceError, unreachable } from '../errors.ts'
import type { Log } from '../log.ts'
import type { ViewLayout } from '../mutation.ts'
import { openPostgresStore } from './postgres/postgres-store.ts'
import { openRedisStore } from './redis/redis-store.ts'
import type { ViewStore } from './store.ts'

type StoreName = Config['readFrom']

export type OpenStoreOptions = {
  readonly config: Pick<Config, 'redis' | 'postgres' | 'callTimeoutMs'>
  /** Its name and the column of its key; layouts come with readers and writers. */
  readonly view: Pick<ViewLayout, 'name' | 'key'>
  /** Where a bound other than `callTimeoutMs` is wanted, as for readers. */
  readonly callTimeoutMs?: number
  /** For whoever only shows a view: nothing is set up, and nothing is asked that changes anything. */
  readonly readOnly?: boolean
  readonly log?: Log
}

/** One store of one view, by its name in the configuration. The caller closes it. */
export async function openStore(name: StoreName, options: OpenStoreOptions): Promise<ViewStore> {
  const { config, view, log, readOnly = false, callTimeoutMs = config.callTimeoutMs } = options
  const common = { view, callTimeoutMs, readOnly, ...(log && { log }) }
  switch (name) {
    case 'redis':
      return openRedisStore({ url: config.redis, ...common })
    case 'postgres':
      return openPostgresStore({ url: config.postgres, ...common })
    default:
      return unreachable(name)
  }
}

/** The store that `--store` names. Throws `arguments` when nobody keeps such a one. */
export function storeNamed(given: string, { stores }: Pick<Config, 'stores'>): StoreName {
  const name = stores.find((known) => known === given)
  if (name !== undefined) return name
  throw new MillraceError(
    'arguments',
    `--store: '${given}' is not among the stores that are kept`,
    {
      hint: `Those are ${stores.join(', ')}.`,
    },
  )
}
