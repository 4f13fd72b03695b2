import type { Config } from '../config.ts'
import { createLog } from '../log.ts'
import { openStore, storeNamed } from '../store/open-store.ts'
import type { ViewStore } from '../store/store.ts'
import { userInformation } from '../views/user-information.ts'

export type WithStoreOptions = {
  readonly config: Config
  /** Who opens it, for the log. */
  readonly role: string
  /** What `--store` says; left out, it is the store that the API reads from. */
  readonly named: string | undefined
}

/** Opens the store for `work` and closes it afterwards. Throws `arguments` for an unknown name. */
export async function withStore<Result>(
  { config, role, named }: WithStoreOptions,
  work: (store: ViewStore) => Promise<Result>,
): Promise<Result> {
  const name = named === undefined ? config.readFrom : storeNamed(named, config)
  const log = createLog(config.logLevel, role)
  const store = await openStore(name, { config, layout: userInformation.layout, log })
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}
