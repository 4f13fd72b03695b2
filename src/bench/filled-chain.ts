import { rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Client } from 'pg'
import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import type { Chain } from '../dev/chain.ts'
import { chainFolder } from '../dev/folders.ts'
import { randomPorts } from '../dev/ports.ts'
import type { Say } from '../dev/say.ts'
import { withClient } from '../dev/sql-files.ts'
import { startChain } from '../dev/start-chain.ts'
import { startRole } from '../dev/start-role.ts'
import { MillraceError } from '../errors.ts'
import { createLog } from '../log.ts'
import { loadProject } from '../project/project.ts'
import { openStore } from '../store/open-store.ts'
import type { ViewState } from '../store/state.ts'
import type { ViewStore } from '../store/store.ts'
import { tableName } from '../view/sql-text.ts'
import { tablesOf, type View } from '../view/view.ts'

/** A chain that a benchmark starts for itself, over a source with rows in it, and ends again. */
export type FilledChain = {
  readonly chain: Chain
  readonly config: Config
  readonly kept: readonly Kept[]
  /** Starts the worker, `worker-1`, with these variables besides its own. */
  readonly startWorker: (env?: Readonly<Record<string, string>>) => void
  /** Resolves once every entry of every view is there; told of the states now and then. */
  readonly built: (told?: (states: States) => void) => Promise<void>
}

export type Kept = { readonly view: View; readonly store: ViewStore }

/** In the order of the views; undefined where one was not begun yet. */
export type States = readonly (ViewState | undefined)[]

/** What every benchmark with a chain of its own is given. */
export type Attending = {
  readonly say: Say
  /** Told of the servers once they run. */
  readonly tell: (config: Config) => Promise<void>
  readonly signal: AbortSignal
}

export type FilledChainOptions = Attending & {
  /** The configuration file that names the views. */
  readonly configFile: string
  /** SQL files that the source begins with. */
  readonly init: readonly string[]
  /** Writes the rows, while Postgres runs alone. */
  readonly fill: (chain: Chain) => Promise<void>
}

export const workerName = 'worker-1'
const builtWithinMs = 3_600_000
const askEveryMs = 100

/** Where the chain of a benchmark lives, with nothing in it. */
export function emptiedFolder(): string {
  const folder = join(chainFolder(process.env), 'bench')
  rmSync(folder, { recursive: true, force: true })
  return folder
}

/**
 * Fills the source before anything captures it, as a database that is there already, then starts
 * all servers, runs `work` and ends everything.
 */
export async function withFilledChain<Result>(
  options: FilledChainOptions,
  work: (filled: FilledChain) => Promise<Result>,
): Promise<Result> {
  const { configFile, init, say, signal } = options
  const folder = emptiedFolder()
  const started = { folder, ports: await randomPorts(), config: configFile, say, signal, init }
  const before = await startChain({ ...started, servers: ['postgres'] })
  try {
    await options.fill(before)
    await settle(before, configFile)
  } finally {
    await before.stop()
  }
  const chain = await startChain(started)
  try {
    return await withStores(chain, options, work)
  } finally {
    await chain.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function withStores<Result>(
  chain: Chain,
  { tell, signal }: FilledChainOptions,
  work: (filled: FilledChain) => Promise<Result>,
): Promise<Result> {
  const kept: Kept[] = []
  try {
    const { config, views } = await loadProject({ folder: chain.folders.chain, env: chain.env })
    await tell(config)
    const log = createLog('error', 'bench')
    for (const view of views) {
      kept.push({ view, store: await openStore('redis', { config, view: view.layout, log }) })
    }
    return await work({
      chain,
      config,
      kept,
      startWorker: (env) => startRole(chain, { name: workerName, args: ['worker'], env }),
      built: (told = () => undefined) => built(kept, told, signal),
    })
  } finally {
    await Promise.all(kept.map(({ store }) => store.close()))
  }
}

async function built(
  kept: readonly Kept[],
  told: (states: States) => void,
  signal: AbortSignal,
): Promise<void> {
  const lastMs = systemClock.monotonicMs() + builtWithinMs
  while (systemClock.monotonicMs() < lastMs && !signal.aborted) {
    const states = await Promise.all(kept.map(({ store }) => store.watchable.state()))
    told(states)
    if (states.every(serves)) return
    await systemClock.sleep(askEveryMs, signal)
  }
  throw new MillraceError('bench', 'the views were not built in time', {
    hint: "See the worker's log.",
  })
}

/** Whether readers of the view get its entries. */
export function serves(state: ViewState | undefined): boolean {
  const isComplete = state?.declarations.some(({ complete }) => complete) === true
  return isComplete && state.watermark !== undefined
}

/** Tells Postgres what the tables have, as a database knows that is there already. */
async function settle({ env, folders }: Chain, configFile: string): Promise<void> {
  const { views } = await loadProject({ folder: folders.chain, env: {}, path: configFile })
  const analyze = async (client: Client) => {
    for (const table of new Set(views.flatMap((view) => tablesOf(view)))) {
      await client.query(`vacuum (analyze) ${tableName(table)}`)
    }
  }
  await withClient(env.MILLRACE_SOURCE_APP!, analyze, { statementTimeoutMs: 0 })
}
