import { ownView, type OwnView } from '../coordinate/view-plan.ts'
import { createCommandLog, type Log } from '../log.ts'
import { onlyView, type Project } from '../project/project.ts'
import { openStore, storeNamed } from '../store/open-store.ts'
import type { ViewStore } from '../store/store.ts'

export type WithStoreOptions = {
  readonly project: Project
  /** Who opens it, for the log. */
  readonly role: string
  /** What `--store` says; left out, it is the store that the API reads from. */
  readonly named: string | undefined
}

export type Opened = { readonly store: ViewStore; readonly own: OwnView; readonly log: Log }

/** Opens the store for `work` and closes it afterwards. Throws `arguments` for an unknown name. */
export async function withStore<Result>(
  { project, role, named }: WithStoreOptions,
  work: (opened: Opened) => Promise<Result>,
): Promise<Result> {
  const { config } = project
  const name = named === undefined ? config.readFrom : storeNamed(named, config)
  const log = createCommandLog(config.logLevel, role)
  const view = onlyView(project)
  const store = await openStore(name, { config, view: { name: view.name, key: view.key }, log })
  try {
    return await work({ store, own: ownView(view), log })
  } finally {
    await store.close()
  }
}
