import { Client } from 'pg'
import { systemClock } from '../clock.ts'
import { MillraceError } from '../errors.ts'
import { Durations } from './percentiles.ts'
import { RawClient } from './raw-client.ts'

export type VisibleOptions = {
  readonly api: string
  readonly source: string
  readonly forMs: number
  readonly signal: AbortSignal
}

export type VisibleResult = {
  /** From the commit's acknowledgement to the answer that shows it. */
  readonly visible: Durations
  /** From one poll's answer to the next one's: what can't be told apart. */
  readonly resolution: Durations
  /** How late the poller's own timers were. */
  readonly lateness: Durations
}

const probeId = '9100000000000000001'
const betweenProbesMs = 90
const betweenPollsMs = 2
const shownTimeoutMs = 15_000

/** Commits one change after another and polls the API until each shows. */
export async function measureVisible(options: VisibleOptions): Promise<VisibleResult> {
  const client = new Client({ connectionString: options.source, statement_timeout: 10_000 })
  await client.connect()
  const api = await RawClient.open(options.api)
  try {
    await client.query(
      `insert into users (user_id, username) values ($1, 'probe') on conflict do nothing`,
      [probeId],
    )
    return await probe(client, api, options)
  } finally {
    api.close()
    await client.query('delete from users where user_id = $1', [probeId]).catch(() => undefined)
    await client.end()
  }
}

async function probe(
  client: Client,
  api: RawClient,
  { forMs, signal }: VisibleOptions,
): Promise<VisibleResult> {
  const result = {
    visible: new Durations(),
    resolution: new Durations(),
    lateness: new Durations(),
  }
  const beganMs = systemClock.monotonicMs()
  for (let turn = 0; systemClock.monotonicMs() - beganMs < forMs && !signal.aborted; turn += 1) {
    const name = `probe ${turn}`
    await client.query('update users set name = $2 where user_id = $1', [probeId, name])
    const committedMs = systemClock.monotonicMs()
    const shownMs = await shown(api, JSON.stringify(name), result)
    // The first waits for the probe's own row as well.
    if (turn > 0) result.visible.add(shownMs - committedMs)
    await systemClock.sleep(betweenProbesMs * (0.5 + Math.random()), signal)
  }
  return result
}

/** When the answer that shows `text` had arrived. */
async function shown(
  api: RawClient,
  text: string,
  { resolution, lateness }: Pick<VisibleResult, 'resolution' | 'lateness'>,
): Promise<number> {
  const beganMs = systemClock.monotonicMs()
  for (let lastMs = beganMs; ;) {
    const { status, body } = await api.get(`/users/${probeId}`)
    const nowMs = systemClock.monotonicMs()
    if (lastMs !== beganMs) resolution.add(nowMs - lastMs)
    if (status === 200 && body.includes(text)) return nowMs
    if (nowMs - beganMs > shownTimeoutMs) {
      throw new MillraceError('bench', `a change did not show within ${shownTimeoutMs} ms`, {
        hint: `The last answer was ${status} ${body.slice(0, 200)}. What does /ready say?`,
      })
    }
    await systemClock.sleep(betweenPollsMs)
    lateness.add(systemClock.monotonicMs() - nowMs - betweenPollsMs)
    lastMs = nowMs
  }
}
