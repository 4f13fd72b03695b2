import { setMaxListeners } from 'node:events'
import { backoff, systemClock, type Clock } from '../clock.ts'
import type { Config } from '../config.ts'
import { describe, MillraceError } from '../errors.ts'
import type { View } from '../view/view.ts'
import { createLog, type Log } from '../log.ts'
import { openStore } from '../store/open-store.ts'
import type { ViewReader, ViewStore } from '../store/store.ts'
import { userInformation } from '../views/user-information.ts'
import { ChainWatch } from '../web/chain-watch.ts'
import { createServer } from '../web/server.ts'

/** Pauses between tries to open the store. */
const pauseFirstMs = 100
const pauseMostMs = 5_000

/** The role `api`: serves reads from the store `readFrom` until `signal` aborts. */
export async function runApi(config: Config, signal: AbortSignal): Promise<void> {
  const log = createLog(config.logLevel, 'api')
  await serve({ view: userInformation, config, clock: systemClock, log }, signal)
}

type ServeOptions = {
  readonly view: View
  readonly config: Config
  readonly clock: Clock
  readonly log: Log
}

async function serve({ view, config, clock, log }: ServeOptions, signal: AbortSignal) {
  setMaxListeners(0, signal)
  const store = new LateStore()
  const options = { config, layout: view.layout, callTimeoutMs: config.readTimeoutMs, log }
  const opening = store.open(() => openStore(config.readFrom, options), {
    clock,
    log,
    signal,
  })
  const watch = new ChainWatch({ view: view.name, reader: store, clock, config })
  const app = await createServer({ view, reader: store, watch, config, log })
  try {
    const url = await app.listen({ host: config.apiHost, port: config.apiPort })
    log.info({ url, store: config.readFrom }, 'the read API listens')
    await Promise.all([opening, watch.run(signal), aborted(signal)])
    log.info('the read API stops: requests under way are finished')
  } finally {
    const cut = setTimeout(() => app.server.closeAllConnections(), config.apiDrainMs)
    await app.close()
    clearTimeout(cut)
    await store.close()
  }
}

type OpenOptions = { readonly clock: Clock; readonly log: Log; readonly signal: AbortSignal }

/** A reader before its store could be opened: reads fail with `store-away`, `/health` answers. */
class LateStore implements Pick<ViewReader, 'read' | 'status'> {
  #store: ViewStore | undefined

  read(keys: readonly string[]): ReturnType<ViewReader['read']> {
    return this.#store === undefined ? Promise.reject(away()) : this.#store.reader.read(keys)
  }

  status(): ReturnType<ViewReader['status']> {
    return this.#store === undefined ? Promise.reject(away()) : this.#store.reader.status()
  }

  /** Tries until it is open or `signal` aborts; a fault that no patience mends is thrown. */
  async open(connect: () => Promise<ViewStore>, { clock, log, signal }: OpenOptions) {
    const pauses = backoff(pauseFirstMs, pauseMostMs)
    while (!signal.aborted) {
      try {
        this.#store = await connect()
        return
      } catch (error) {
        if (!(error instanceof MillraceError && error.retriable)) throw error
        log.debug({ reason: describe(error) }, 'the store could not be opened')
        await clock.sleep(pauses.nextMs(), signal)
      }
    }
  }

  async close(): Promise<void> {
    await this.#store?.close()
  }
}

function away(): MillraceError {
  return new MillraceError('store-away', 'the store could not be reached yet', { retriable: true })
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
