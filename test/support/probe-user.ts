import type { ChainHarness } from './chain-harness.ts'
import { sleep } from './wait.ts'

/** Ids that no traffic touches. */
const firstId = 900_000_001
const people = 12
const tweets = 24
const pollPauseMs = 20

export type Probe = {
  /** Ends the polling; rejects with the first answer that was neither the truth nor a 503. */
  stop(): Promise<ProbeAnswers>
}

/** How often the API answered with the right numbers, and how often that it can't. */
export type ProbeAnswers = { readonly right: number; readonly unavailable: number }

/**
 * A user whose rows never change, spread over every partition: whatever else happens, the API's
 * answer is either exactly the same numbers or 503. Anything between is a partial count.
 */
export async function makeProbeUser(harness: ChainHarness): Promise<void> {
  const ids = `generate_series(${firstId}, ${firstId + people - 1})`
  await harness.sql(
    `insert into users (user_id, username, name, joined_date)
       select id, 'probe-' || id, 'Probe', '2020-02-29T12:00:00Z' from ${ids} id
       on conflict do nothing`,
    `insert into tweets (tweet_id, user_id, text)
       select ${firstId} + n, ${firstId}, 'steady' from generate_series(1, ${tweets}) n
       on conflict do nothing`,
    `insert into follows (follower_id, followee_id)
       select id, ${firstId} from ${ids} id where id <> ${firstId} on conflict do nothing`,
    `insert into follows (follower_id, followee_id)
       select ${firstId}, id from ${ids} id where id <> ${firstId} on conflict do nothing`,
    `insert into likes (user_id, tweet_id)
       select ${firstId}, ${firstId} + n from generate_series(1, ${tweets}) n
       on conflict do nothing`,
  )
}

/** Asks the API for the probe user again and again until `stop`. */
export function pollProbeUser(harness: ChainHarness): Probe {
  const stop = new AbortController()
  const polling = poll(`${harness.chain.urls.api}/users/${firstId}`, stop.signal)
  polling.catch(() => undefined)
  const end = () => {
    stop.abort()
    return polling
  }
  harness.onClose(end)
  return { stop: end }
}

async function poll(url: string, signal: AbortSignal): Promise<ProbeAnswers> {
  let [right, unavailable] = [0, 0]
  while (!signal.aborted) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(5_000) })
    const body: unknown = await answer.json()
    if (answer.status === 503) unavailable += 1
    else {
      expect({ status: answer.status, body }).toEqual({
        status: 200,
        body: expect.objectContaining(truth),
      })
      right += 1
    }
    await sleep(pollPauseMs)
  }
  return { right, unavailable }
}

const truth = {
  userId: String(firstId),
  username: `probe-${firstId}`,
  tweetCount: tweets,
  followingCount: people - 1,
  followerCount: people - 1,
  likeCount: tweets,
}
