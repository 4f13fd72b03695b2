import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { systemClock } from '../clock.ts'
import type { Config } from '../config.ts'
import { Chain } from '../dev/chain.ts'
import { chainFolder } from '../dev/folders.ts'
import { randomPorts } from '../dev/ports.ts'
import { MillraceError } from '../errors.ts'
import { createLog } from '../log.ts'
import { openStore } from '../store/open-store.ts'
import type { ViewState } from '../store/state.ts'
import type { ViewStore } from '../store/store.ts'
import type { Say } from '../dev/say.ts'
import { startRole } from '../dev/start-role.ts'
import { startChain } from '../dev/start-chain.ts'
import { loadProject } from '../project/project.ts'
import { exampleSchema, userInformationConfig } from '../traffic/example.ts'
import type { View } from '../view/view.ts'

/** A chain that a benchmark starts for itself, with so many users, and ends again. */
export type OwnChain = {
  readonly chain: Chain
  readonly config: Config
  readonly view: View
  readonly store: ViewStore
  /** Starts the worker, `worker-1`, with these variables besides its own. */
  readonly startWorker: (env?: Readonly<Record<string, string>>) => void
  /** Resolves once every entry is there; told of the state now and then. */
  readonly built: (told?: (state: ViewState | undefined) => void) => Promise<void>
}

export const workerName = 'worker-1'
const builtWithinMs = 1_800_000
const askEveryMs = 100

export type OwnChainOptions = {
  readonly users: number
  readonly say: Say
  /** Told of the servers once they run. */
  readonly tell: (config: Config) => Promise<void>
  readonly signal: AbortSignal
}

/** Rows of a user beside the user: tweets, followings, likes. */
export const rowsPerUser = { tweets: 5, follows: 8, likes: 6 } as const

/**
 * Fills the source before anything captures it, as a database that is there already, then starts
 * all servers, runs `work` and ends everything.
 */
export async function withOwnChain<Result>(
  { users, say, signal, tell }: OwnChainOptions,
  work: (own: OwnChain) => Promise<Result>,
): Promise<Result> {
  const folder = join(chainFolder(process.env), 'bench')
  rmSync(folder, { recursive: true, force: true })
  const [ports, config] = [await randomPorts(), userInformationConfig]
  const options = { folder, ports, config, say, signal, init: [exampleSchema] }
  const before = await startChain({ ...options, servers: ['postgres'] })
  try {
    const startedMs = systemClock.monotonicMs()
    await fill(before.env.MILLRACE_SOURCE_ADMIN!, users)
    const seconds = (systemClock.monotonicMs() - startedMs) / 1_000
    say(`${users} users with their rows were written in ${seconds.toFixed(0)} s`)
  } finally {
    await before.stop()
  }
  const chain = await startChain(options)
  let store: ViewStore | undefined
  try {
    const project = await loadProject({ folder, env: chain.env })
    await tell(project.config)
    const view = project.views[0]!
    const opened = await openStore('redis', {
      config: project.config,
      view: view.layout,
      log: createLog('error', 'bench'),
    })
    store = opened
    return await work({
      chain,
      config: project.config,
      view,
      store: opened,
      startWorker: (env) => startRole(chain, { name: workerName, args: ['worker'], env }),
      built: (told = () => undefined) => built(opened, told, signal),
    })
  } finally {
    await store?.close()
    await chain.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function built(
  store: ViewStore,
  told: (state: ViewState | undefined) => void,
  signal: AbortSignal,
): Promise<void> {
  const lastMs = systemClock.monotonicMs() + builtWithinMs
  while (systemClock.monotonicMs() < lastMs && !signal.aborted) {
    const state = await store.watchable.state()
    told(state)
    if (state?.declarations.some(({ complete }) => complete)) return
    await systemClock.sleep(askEveryMs, signal)
  }
  throw new MillraceError('bench', 'the view was not built in time', {
    hint: "See the worker's log.",
  })
}

/** Without the checks of foreign keys, which would take most of the time. */
async function fill(admin: string, users: number): Promise<void> {
  const { tweets, follows, likes } = rowsPerUser
  const url = new URL(admin)
  url.pathname = '/millrace'
  const client = new Client({ connectionString: url.href })
  await client.connect()
  try {
    await client.query(`
      set session_replication_role = replica;
      insert into users (user_id, username, name, description, location, web_page_url, joined_date)
        select id, 'user' || id, 'Name of ' || id, repeat('about ' || id || ' ', 1 + id % 12),
          case when id % 3 = 0 then null else 'Lagos' end,
          case when id % 5 = 0 then 'https://example.com/' || id end,
          timestamptz '2020-01-01Z' + id * interval '1 second'
        from generate_series(1, ${users}) id;
      insert into tweets (tweet_id, user_id)
        select n, 1 + (n::bigint * 7919) % ${users} from generate_series(1, ${users * tweets}) n;
      insert into follows (follower_id, followee_id)
        select id, 1 + (id + step * 104729) % ${users}
        from generate_series(1, ${users}) id, generate_series(1, ${follows}) step;
      insert into likes (user_id, tweet_id)
        select id, 1 + (id * 31 + step::bigint * 15485863) % ${users * tweets}
        from generate_series(1, ${users}) id, generate_series(1, ${likes}) step;`)
    for (const table of ['users', 'tweets', 'follows', 'likes']) {
      await client.query(`vacuum (analyze) ${table}`)
    }
  } finally {
    await client.end()
  }
}
