/**
 * The role `worker`: for each store, one member of the group of each topic, the view's watch, a
 * candidate for its coordination, and beside that the looks. Stores share nothing but the process
 * and the connections to the source and the log, so one that is down never holds up the other.
 */
import { hostname } from 'node:os'
import { text, type Given } from '../arguments.ts'
import type { Config } from '../config.ts'
import { ownView } from '../coordinate/view-plan.ts'
import { MillraceError } from '../errors.ts'
import type { Log } from '../log.ts'
import { onlyView, type Project } from '../project/project.ts'
import { openStore, storeNamed } from '../store/open-store.ts'
import { tablesOf, type View } from '../view/view.ts'
import { keepView, type Outside } from './keep-view.ts'
import { closeOutside, openOutside } from './outside.ts'
import { untilDone } from './until-done.ts'

export const workerCommand = {
  call: 'millrace worker',
  about: `Keeps the views in their stores, coordinates them and compares them with the source, until it is
told to end. Start as many as you like: partitions spread over them.`,
  options: {
    topics: text('TABLE,…', 'takes the topics of these tables only; all others must run somewhere'),
    store: text('NAME', 'keeps this store only, of those that are kept'),
  },
} as const

export type WorkerGiven = Given<(typeof workerCommand)['options']>

/** Runs until `signal` aborts. */
export async function runWorker(
  given: WorkerGiven,
  project: Project,
  { log, signal }: { readonly log: Log; readonly signal: AbortSignal },
): Promise<void> {
  const { config } = project
  const view = onlyView(project)
  const { tables, stores } = chosen(given, config, view)
  const outside = openOutside(config, log)
  log.info({ view: view.name, tables, stores }, 'worker starts')
  try {
    await Promise.all([
      outside.markers.run(signal),
      ...stores.map((name) => keepStore({ name, tables, outside, config, log, view }, signal)),
    ])
  } finally {
    await closeOutside(outside)
  }
}

type KeepStore = {
  readonly name: Config['stores'][number]
  readonly tables: readonly string[]
  readonly outside: Outside
  readonly config: Config
  readonly log: Log
  readonly view: View
}

async function keepStore(parts: KeepStore, signal: AbortSignal): Promise<void> {
  const { name, tables, outside, config, view } = parts
  const log = parts.log.child({ store: name })
  const key = { name: view.key.name, type: view.key.type }
  const store = await untilDone({ log, clock: outside.clock, signal }, () =>
    openStore(name, { config, view: { name: view.name, key }, log }),
  )
  if (!store) return
  try {
    const holder = `${hostname()}:${process.pid}`
    await keepView({ own: ownView(view), store, tables, outside, config, holder, log }, signal)
  } finally {
    await store.close()
  }
}

function chosen({ values }: WorkerGiven, config: Config, view: View) {
  const all = tablesOf(view)
  const tables = values.topics?.split(',') ?? all
  const unknown = tables.filter((table) => !all.includes(table))
  if (unknown.length > 0) {
    throw new MillraceError(
      'arguments',
      `--topics: view ${view.name} does not read ${unknown.join(', ')}`,
      { hint: `It reads ${all.join(', ')}.` },
    )
  }
  const named = values.store
  const stores = named === undefined ? config.stores : [storeNamed(named, config)]
  return { tables, stores }
}
