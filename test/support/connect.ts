/** Kafka Connect's ups and downs, as tests bring them about. */
import { join } from 'node:path'
import { readFileSync, writeFileSync } from 'node:fs'
import type { Chain } from '../../src/dev/chain.ts'
import { untilRunning } from '../../src/source/connector-setup.ts'
import { asSuperuser } from './source-sql.ts'
import { until } from './wait.ts'

const callTimeoutMs = 10_000
const upTimeoutMs = 120_000

/**
 * Waits until the connector's task runs and has committed an offset since; it is workers that start
 * a failed task again. Something must be written meanwhile, if only a worker's markers.
 */
export async function untilCapturing(chain: Chain): Promise<void> {
  const path = connectorPath(chain)
  await until(
    'the connector runs',
    async () => {
      const answer = await ask(`${path}/status`)
      return /"tasks":\[\{[^}]*"state":"RUNNING"/.test(answer)
    },
    upTimeoutMs,
  )
  await untilOffsetFlushed(chain)
}

/** Starts Connect that was killed, with these worker settings changed, and waits until it captures. */
export async function startConnect(
  chain: Chain,
  settings: Readonly<Record<string, string>> = {},
): Promise<void> {
  const path = join(chain.folders.settings, 'connect.properties')
  const names = Object.keys(settings)
  const kept = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => !names.some((name) => line.startsWith(`${name}=`)))
  const added = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
  writeFileSync(path, [...kept, ...added, ''].join('\n'))
  await chain.start('connect')
  await untilCapturing(chain)
}

/** What Connect has committed of the source, as text; empty while it does not answer. */
export function committedOffset(chain: Chain): Promise<string> {
  return ask(`${connectorPath(chain)}/offsets`)
}

/**
 * Waits until Connect has just written the source's offset. What the connector emits from now on
 * comes again if Connect is killed before it writes the next one.
 */
export async function untilOffsetFlushed(chain: Chain): Promise<void> {
  let before = ''
  await until(
    'Connect commits a source offset',
    async () => {
      const now = await committedOffset(chain)
      before ||= now
      return now !== before && now.includes('"lsn')
    },
    upTimeoutMs,
  )
}

/** Stops the connector and forgets how far it was: it will take its snapshot anew. */
export async function forgetOffsets(chain: Chain): Promise<void> {
  await call(chain, 'PUT', 'stop')
  await until('the offsets are forgotten', async () => call(chain, 'DELETE', 'offsets'))
}

/** Gives a stopped connector other settings, and lets it run. */
export async function alterConnector(
  chain: Chain,
  changes: Readonly<Record<string, string>>,
): Promise<void> {
  const path = `${connectorPath(chain)}/config`
  const settings = JSON.parse(await ask(path)) as Readonly<Record<string, string>>
  const response = await fetch(path, {
    method: 'PUT',
    signal: AbortSignal.timeout(callTimeoutMs),
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...settings, ...changes }),
  })
  if (!response.ok) throw new Error(`Connect refuses the settings: ${await response.text()}`)
  const address = { connect: chain.urls.connect, name: chain.env.MILLRACE_CONNECTOR! }
  const running = { timeoutMs: upTimeoutMs, resumes: true }
  await untilRunning({ ...address, callTimeoutMs }, running)
}

/** Lets a stopped connector run again. */
export async function resumeConnector(chain: Chain): Promise<void> {
  await until('the connector resumes', async () => call(chain, 'PUT', 'resume'), upTimeoutMs)
  await untilCapturing(chain)
}

/** Moves the slot to the present, as if what was committed meanwhile had never been captured. */
export async function skipChanges(chain: Chain): Promise<void> {
  await until('the slot is free', async () => {
    try {
      await asSuperuser(
        chain,
        `select pg_replication_slot_advance('millrace', pg_current_wal_lsn())`,
      )
      return true
    } catch (error) {
      if (/is active/.test(String(error))) return false
      throw error
    }
  })
}

async function call(chain: Chain, method: string, what: string): Promise<boolean> {
  const signal = AbortSignal.timeout(callTimeoutMs)
  const response = await fetch(`${connectorPath(chain)}/${what}`, { method, signal })
  await response.body?.cancel()
  return response.ok
}

async function ask(url: string): Promise<string> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(callTimeoutMs) })
    return response.ok ? await response.text() : ''
  } catch {
    return ''
  }
}

function connectorPath(chain: Chain): string {
  return `${chain.urls.connect}/connectors/${chain.env.MILLRACE_CONNECTOR}`
}
