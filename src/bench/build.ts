import { readFileSync } from 'node:fs'
import { systemClock } from '../clock.ts'
import { MillraceError } from '../errors.ts'
import { createLog } from '../log.ts'
import { openStore } from '../store/open-store.ts'
import { userInformation } from '../views/user-information.ts'
import { besideView } from './beside-view.ts'
import { rowsPerUser, withOwnChain, type OwnChain, type OwnChainOptions } from './own-chain.ts'
import { Durations } from './percentiles.ts'

export type BuildResult = {
  readonly entries: number
  readonly rows: number
  /** From the worker's start until the view serves. */
  readonly tookMs: number
  /** The most memory that the worker had meanwhile, MiB. */
  readonly workerMib: number
  /** Reads of another view of the same Redis meanwhile. */
  readonly reads: Durations
}

const askEveryMs = 100
const sayEveryMs = 5_000
const timeoutMs = 1_800_000

/** Times how long a worker takes to build the view of a source that is there already. */
export function measureBuild(options: OwnChainOptions): Promise<BuildResult> {
  return withOwnChain(options, (own) => built(own, options))
}

async function built(own: OwnChain, options: OwnChainOptions): Promise<BuildResult> {
  const { chain, config } = own
  const { users, say, signal } = options
  const log = createLog('error', 'bench')
  const store = await openStore('redis', { config, view: userInformation.layout, log })
  const beside = await besideView(chain.urls.redis, log)
  try {
    own.startWorker()
    const startedMs = systemClock.monotonicMs()
    let [workerMib, saidMs] = [0, startedMs]
    for (;;) {
      const state = await store.watchable.state()
      workerMib = Math.max(workerMib, memoryOf(chain))
      const nowMs = systemClock.monotonicMs()
      const tookMs = nowMs - startedMs
      if (state?.declarations.some(({ complete }) => complete)) {
        const { tweets, follows, likes } = rowsPerUser
        const rows = users * (1 + tweets + follows + likes)
        return { entries: users, rows, tookMs, workerMib, reads: beside.durations }
      }
      if (signal.aborted || tookMs > timeoutMs) throw notBuilt()
      if (nowMs - saidMs >= sayEveryMs) {
        saidMs = nowMs
        say(`${/"entries":(\d+)/.exec(state?.pass ?? '')?.[1] ?? '0'} entries are put in`)
      }
      await systemClock.sleep(askEveryMs, signal)
    }
  } finally {
    await beside.close()
    await store.close()
  }
}

function memoryOf({ processes }: OwnChain['chain']): number {
  const worker = processes.list().find(({ name }) => name.startsWith('worker'))
  if (!worker) return 0
  try {
    const status = readFileSync(`/proc/${worker.pid}/status`, 'utf8')
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1_024
  } catch {
    return 0
  }
}

function notBuilt(): MillraceError {
  return new MillraceError('bench', 'the view was not built in time', {
    hint: "See the worker's log.",
  })
}
