/**
 * The role `worker`: for each view in each store, one member of the group of each topic, the view's
 * watch, a candidate for its coordination, and beside that the looks. They share nothing but the
 * process, the connections to the source and the log, and the markers, so one that is down or being
 * built never holds up another.
 */
import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { text, type Given } from '../arguments.ts'
import type { Config } from '../config.ts'
import { ownView } from '../coordinate/view-plan.ts'
import type { Log } from '../log.ts'
import type { Project } from '../project/project.ts'
import { openStore } from '../store/open-store.ts'
import { tablesOf, type View } from '../view/view.ts'
import { chosen, chosenStores, chosenViews } from './chosen.ts'
import { keepView, type KeepViewParts } from './keep-view.ts'
import { viewOption } from './options.ts'
import { closeOutside, openOutside } from './outside.ts'
import { untilDone } from './until-done.ts'

export const workerCommand = {
  call: 'millrace worker',
  about: `Keeps the views in their stores, coordinates them and compares them with the source, until it is
told to end. Start as many as you like: partitions spread over them.`,
  options: {
    view: viewOption,
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
  const { views, tables, stores } = chosenOf(given, project)
  const outside = openOutside(config, log)
  log.info({ views: views.map(({ name }) => name), tables, stores }, 'worker starts')
  const kept = stores.flatMap((name) => views.map((view) => ({ name, view })))
  const share = 1 / kept.length
  try {
    await Promise.all([
      outside.markers.run(signal),
      ...kept.map((each) => keepIn({ ...each, tables, outside, config, log, share }, signal)),
    ])
  } finally {
    await closeOutside(outside)
  }
}

type KeepIn = Pick<KeepViewParts, 'outside' | 'config' | 'log' | 'share'> & {
  /** The store's. */
  readonly name: Config['stores'][number]
  readonly view: View
  /** Those that this process takes the topics of, of this view or of others. */
  readonly tables: readonly string[]
}

async function keepIn(parts: KeepIn, signal: AbortSignal): Promise<void> {
  const { name, outside, config, view, share } = parts
  const log = parts.log.child({ store: name, view: view.name })
  const tables = tablesOf(view).filter((table) => parts.tables.includes(table))
  const store = await untilDone({ log, clock: outside.clock, signal }, () =>
    openStore(name, { config, view, log }),
  )
  if (!store) return
  try {
    const holder = newHolder()
    const own = ownView(view)
    await keepView({ own, store, tables, outside, config, holder, log, share }, signal)
  } finally {
    await store.close()
  }
}

/** Containers may share a host name, and in each of them the worker has the same process id. */
export function newHolder(): string {
  return `${hostname()}:${process.pid}:${randomUUID()}`
}

function chosenOf({ values }: WorkerGiven, project: Project) {
  const { config } = project
  const views = chosenViews(project, values.view)
  const all = [...new Set(views.flatMap((view) => tablesOf(view)))]
  const names = views.map(({ name }) => name).join(', ')
  const tables = chosen(values.topics, all, `--topics: ${names} does not read`)
  return { views, tables, stores: chosenStores(config, values.store) }
}
