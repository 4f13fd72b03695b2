import { systemClock } from '../clock.ts'
import { createLog } from '../log.ts'
import { besideView } from './beside-view.ts'
import { workerName } from './filled-chain.ts'
import { rowsPerUser, withOwnChain, type OwnChain, type OwnChainOptions } from './own-chain.ts'
import type { Durations } from './percentiles.ts'
import { residentMib } from './process-time.ts'
import { verified, type Verified } from './verified.ts'

export type BuildResult = {
  readonly entries: number
  readonly rows: number
  /** From the worker's start until the view serves. */
  readonly tookMs: number
  /** The most memory that the worker had meanwhile, MiB. */
  readonly workerMib: number
  /** Reads of another view of the same Redis meanwhile. */
  readonly reads: Durations
  /** All of it compared again, afterwards. */
  readonly verified: Verified
}

const sayEveryMs = 5_000

/** Times how long a worker takes to build the view of a source that is there already. */
export function measureBuild(options: OwnChainOptions): Promise<BuildResult> {
  return withOwnChain(options, async (own) => {
    const built = await measured(own, options)
    return { ...built, verified: await verified(own.chain, options.signal) }
  })
}

async function measured(
  { chain, built, startWorker }: OwnChain,
  { users, say }: OwnChainOptions,
): Promise<Omit<BuildResult, 'verified'>> {
  const beside = await besideView(chain.urls.redis, createLog('error', 'bench'))
  try {
    startWorker()
    const { pid } = chain.processes.list().find(({ name }) => name === workerName)!
    const startedMs = systemClock.monotonicMs()
    let [workerMib, saidMs] = [0, startedMs]
    await built((state) => {
      workerMib = Math.max(workerMib, residentMib(pid))
      const nowMs = systemClock.monotonicMs()
      if (nowMs - saidMs < sayEveryMs) return
      saidMs = nowMs
      say(`${/"entries":(\d+)/.exec(state?.pass ?? '')?.[1] ?? '0'} entries are put in`)
    })
    const tookMs = systemClock.monotonicMs() - startedMs
    const { tweets, follows, likes } = rowsPerUser
    const rows = users * (1 + tweets + follows + likes)
    return { entries: users, rows, tookMs, workerMib, reads: beside.durations }
  } finally {
    await beside.close()
  }
}
