import { Client } from 'pg'
import { systemClock } from '../clock.ts'
import type { Chain } from '../dev/chain.ts'
import type { Config } from '../config.ts'
import type { ViewState } from '../store/state.ts'
import type { ViewStore } from '../store/store.ts'
import { exampleSchema, userInformationConfig } from '../traffic/example.ts'
import type { View } from '../view/view.ts'
import { withFilledChain, type Attending, type FilledChain } from './filled-chain.ts'

/** A chain of a benchmark's own that keeps `user-information` alone, of so many users. */
export type OwnChain = {
  readonly chain: Chain
  readonly config: Config
  readonly view: View
  readonly store: ViewStore
  readonly startWorker: FilledChain['startWorker']
  /** Resolves once every entry is there; told of the state now and then. */
  readonly built: (told?: (state: ViewState | undefined) => void) => Promise<void>
}

export type OwnChainOptions = Attending & { readonly users: number }

/** Rows of a user beside the user: tweets, followings, likes. */
export const rowsPerUser = { tweets: 5, follows: 8, likes: 6 } as const

export function withOwnChain<Result>(
  { users, ...attending }: OwnChainOptions,
  work: (own: OwnChain) => Promise<Result>,
): Promise<Result> {
  const fillAll = async (before: Chain) => {
    const startedMs = systemClock.monotonicMs()
    await fill(before.env.MILLRACE_SOURCE_ADMIN!, users)
    const seconds = (systemClock.monotonicMs() - startedMs) / 1_000
    attending.say(`${users} users with their rows were written in ${seconds.toFixed(0)} s`)
  }
  const options = { configFile: userInformationConfig, init: [exampleSchema], fill: fillAll }
  return withFilledChain({ ...attending, ...options }, ({ kept, built, ...filled }) =>
    work({ ...filled, ...kept[0]!, built: (told) => built((states) => told?.(states[0])) }),
  )
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
  } finally {
    await client.end()
  }
}
