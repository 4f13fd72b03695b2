import type { Config } from '../config.ts'
import { ownView, type OwnView } from '../coordinate/view-plan.ts'
import type { Log } from '../log.ts'
import { openStore } from '../store/open-store.ts'
import type { ViewStore } from '../store/store.ts'
import type { View } from '../view/view.ts'

export type WithStoreOptions = {
  readonly config: Config
  /** The store's name. */
  readonly name: Config['readFrom']
  readonly log: Log
}

export type Opened = { readonly store: ViewStore; readonly own: OwnView; readonly log: Log }

/** Opens the store of one view for `work` and closes it afterwards. */
export async function withStore<Result>(
  { config, name, log }: WithStoreOptions,
  view: View,
  work: (opened: Opened) => Promise<Result>,
): Promise<Result> {
  const store = await openStore(name, { config, view, log })
  try {
    return await work({ store, own: ownView(view), log })
  } finally {
    await store.close()
  }
}
