import { setMaxListeners } from 'node:events'
import { backoff, systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import { ownView } from '../coordinate/view-plan.ts'
import { describe, MillraceError } from '../errors.ts'
import { createLog, type Log } from '../log.ts'
import { refuseNoViews, type Project } from '../project/project.ts'
import { openStore } from '../store/open-store.ts'
import type { ViewStore } from '../store/store.ts'
import { ServedView } from '../web/served-view.ts'
import { createServer } from '../web/server.ts'
import { Statuses } from '../web/statuses.ts'

/** Pauses between tries to open the store. */
const pauseFirstMs = 100
const pauseMostMs = 5_000

const clock = systemClock

export const apiCommand = {
  call: 'millrace api',
  about: `Serves the views over HTTP from the store that readFrom names, until it is told to end. apiHost and
apiPort say where it listens. Start as many as you like.`,
  options: {},
} as const

/**
 * The role `api`: serves reads from the store `readFrom` until `signal` aborts. That store is all
 * that it needs, and it only reads there. It listens at once, and says that it is not ready while
 * the store can't be opened.
 */
export async function runApi(project: Project, signal: AbortSignal): Promise<void> {
  refuseNoViews(project)
  const { config, views } = project
  setMaxListeners(0, signal)
  const log = createLog(config.logLevel, 'api')
  const served = views.map((view) => new ServedView({ own: ownView(view), clock, config }))
  const statuses = new Statuses({ views: served, clock, config })
  const app = await createServer({ served, statuses, config, log })
  const stores: ViewStore[] = []
  const follow = async (each: ServedView) => {
    const store = await opened({ served: each, config, log }, signal)
    if (!store) return
    stores.push(store)
    await each.follow(store, signal)
  }
  try {
    const url = await app.listen({ host: config.apiHost, port: config.apiPort })
    log.info({ url, store: config.readFrom }, 'the read API listens')
    await Promise.all([...served.map(follow), aborted(signal)])
    log.info('the read API stops: requests under way are finished')
  } finally {
    const cut = setTimeout(() => app.server.closeAllConnections(), config.apiDrainMs)
    await app.close()
    clearTimeout(cut)
    await Promise.all(stores.map((store) => store.close()))
  }
}

type Opening = {
  readonly served: ServedView
  readonly config: Config
  readonly log: Log
}

/**
 * Tries until the store is open or `signal` aborts: also where it was refused, for whoever makes
 * the store fit, a worker among them, does so while this process waits. Throws `config`.
 */
async function opened(
  { served, config, log }: Opening,
  signal: AbortSignal,
): Promise<ViewStore | undefined> {
  const pauses = backoff(pauseFirstMs, pauseMostMs)
  const callTimeoutMs = config.readTimeoutMs
  const { view } = served.own
  let said = ''
  while (!signal.aborted) {
    try {
      return await openStore(config.readFrom, {
        config,
        view,
        callTimeoutMs,
        readOnly: true,
        log,
      })
    } catch (error) {
      if (!(error instanceof MillraceError) || error.code === 'config') throw error
      const { code, hint } = error
      const reason = describe(error)
      if (reason !== said)
        log.warn({ code, reason, hint, view: view.name }, 'the store can not be opened yet')
      said = reason
      served.failed(error)
      await clock.sleep(pauses.nextMs(), signal)
    }
  }
  return undefined
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
