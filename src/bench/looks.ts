import { Client } from 'pg'
import { systemClock } from '../clock.ts'
import { decodePass, type PassState } from '../reconcile/pass-state.ts'
import type { ViewStore } from '../store/store.ts'
import { besideTraffic } from './beside-traffic.ts'
import { workerName } from './filled-chain.ts'
import { withOwnChain, type OwnChain, type OwnChainOptions } from './own-chain.ts'
import { processSeconds } from './process-time.ts'

export type LooksOptions = OwnChainOptions & {
  readonly forMs: number
  /** Called with each line of the table as it is measured. */
  readonly show: (line: LooksResult) => void
}

/** Shares are of one processor. */
export type LooksResult = {
  /** Rows changed per second, as they were asked for. */
  readonly changes: number
  /** What the traffic says that it did. */
  readonly traffic: string
  readonly workerShare: number
  /** The same worker with looks so slow that there are none. */
  readonly workerShareWithout: number
  /** Of the source's sessions that this worker has, which are there for looks and barriers. */
  readonly sourceShare: number
  readonly sourceShareWithout: number
  readonly entriesPerSecond: number
  /** How long it takes until each entry was looked at once. */
  readonly lapSeconds: number | undefined
  readonly wrong: number
}

const rates = [0, 500, 5_000] as const
const askEveryMs = 200
const lapTimeoutMs = 300_000
const settleMs = 5_000

/** Measures what looks cost the worker and the source beside different amounts of traffic. */
export function measureLooks(options: LooksOptions): Promise<void> {
  const { users, signal, say } = options
  return withOwnChain(options, async (own) => {
    own.startWorker()
    await own.built()
    const source = own.chain.env.MILLRACE_SOURCE_APP!
    for (const rate of rates) {
      say(`beside ${rate} changes/s`)
      const { result, traffic } = await besideTraffic({ rate, users, source, signal }, () =>
        measured(own, options),
      )
      options.show({ changes: rate, traffic, ...result })
    }
  })
}

async function measured(
  own: OwnChain,
  options: LooksOptions,
): Promise<Omit<LooksResult, 'changes' | 'traffic'>> {
  const { store } = own
  await again(own, {})
  await systemClock.sleep(settleMs, options.signal)
  const before = await passOf(store)
  const withLooks = await shares(own, options)
  const after = await passOf(store)
  const lapSeconds = await lapOf(store, options.signal)
  const { wrong } = (await passOf(store)).statistics
  await again(own, { MILLRACE_LOOK_ROWS_PER_SECOND: '1' })
  await systemClock.sleep(settleMs, options.signal)
  const without = await shares(own, options)
  const entries = after.statistics.entries - before.statistics.entries
  return {
    workerShare: withLooks.worker,
    workerShareWithout: without.worker,
    sourceShare: withLooks.source,
    sourceShareWithout: without.source,
    entriesPerSecond: entries / withLooks.seconds,
    lapSeconds,
    wrong,
  }
}

/** The same worker with other settings. */
async function again({ chain, startWorker }: OwnChain, env: Readonly<Record<string, string>>) {
  await chain.processes.stop(workerName)
  chain.forget(workerName)
  startWorker(env)
}

type Shares = { readonly worker: number; readonly source: number; readonly seconds: number }

async function shares({ chain, config }: OwnChain, options: LooksOptions): Promise<Shares> {
  const worker = chain.processes.list().find(({ name }) => name === workerName)!.pid
  const sessions = await sessionsOf(config.source)
  const used = () => ({
    worker: processSeconds(worker),
    source: sessions.reduce((sum, pid) => sum + processSeconds(pid), 0),
  })
  const [before, startedMs] = [used(), systemClock.monotonicMs()]
  await systemClock.sleep(options.forMs, options.signal)
  const seconds = (systemClock.monotonicMs() - startedMs) / 1_000
  const after = used()
  return {
    worker: (after.worker - before.worker) / seconds,
    source: (after.source - before.source) / seconds,
    seconds,
  }
}

/** Server processes of the role by which a worker asks the source. */
async function sessionsOf(source: string): Promise<readonly number[]> {
  const client = new Client({ connectionString: source })
  await client.connect()
  try {
    const { rows } = await client.query<{ pid: number }>(
      `select pid from pg_stat_activity where usename = current_user and pid <> pg_backend_pid()`,
    )
    return rows.map(({ pid }) => pid)
  } finally {
    await client.end()
  }
}

/** Seconds of the next lap that begins and ends. */
async function lapOf(store: ViewStore, signal: AbortSignal): Promise<number | undefined> {
  const { lap } = await passOf(store)
  const untilMs = systemClock.monotonicMs() + lapTimeoutMs
  while (systemClock.monotonicMs() < untilMs && !signal.aborted) {
    const pass = await passOf(store)
    if (pass.lap >= lap + 2 && pass.ended) return pass.ended.tookMs / 1_000
    await systemClock.sleep(askEveryMs, signal)
  }
  return undefined
}

async function passOf(store: ViewStore): Promise<PassState> {
  return decodePass((await store.watchable.state())?.pass)!
}
