import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { MillraceError } from '../errors.ts'
import { packageFolder } from './folders.ts'
import { withoutUser } from './urls.ts'

export type ConnectorSettings = Readonly<Record<string, string>>

const callTimeoutMs = 30_000
const retryPauseMs = 300

/** The connector as `connectors/millrace.json` has it, with some settings changed (`null` removes). */
export function connectorSettings(
  overrides: Readonly<Record<string, string | null>> = {},
): ConnectorSettings {
  const path = join(packageFolder, 'connectors', 'millrace.json')
  const committed = z.record(z.string(), z.string()).parse(JSON.parse(readFileSync(path, 'utf8')))
  const merged = Object.entries({ ...committed, ...overrides })
  return Object.fromEntries(merged.filter((entry): entry is [string, string] => entry[1] !== null))
}

/** What to override when Connect runs without exactly-once sources. */
export const withoutTransactions: Readonly<Record<string, string | null>> = {
  'exactly.once.support': 'requested',
  'transaction.boundary': null,
}

export type ConnectorOptions = {
  /** Connect's REST interface. */
  readonly connect: string
  readonly name: string
  readonly timeoutMs: number
}

/**
 * Creates the connector or changes it to these settings, and waits until its task runs: one that
 * somebody has stopped or paused goes on.
 */
export async function putConnector(
  settings: ConnectorSettings,
  options: ConnectorOptions,
): Promise<void> {
  const deadline = performance.now() + options.timeoutMs
  const path = `${options.connect}/connectors/${options.name}`
  for (;;) {
    const put = await call('PUT', `${path}/config`, settings)
    if (put.status === 200 || put.status === 201) break
    // 404, 409 and 5xx pass while the worker still joins its group.
    if (put.status === 400 || performance.now() > deadline) {
      throw new MillraceError('connector', `Connect refuses the connector: ${put.body}`, {
        hint: 'See connect.log in the logs folder.',
      })
    }
    await sleep(retryPauseMs)
  }
  await untilRunning(path, deadline)
}

const statusSchema = z.object({
  connector: z.object({ state: z.string() }),
  tasks: z.array(z.object({ state: z.string(), trace: z.string().optional() })),
})

/** A task that failed when the chain went down is started again once: Connect never does that. */
async function untilRunning(path: string, deadline: number): Promise<void> {
  let restarted = false
  for (;;) {
    const answer = await call('GET', `${path}/status`)
    const status = answer.status === 200 ? statusSchema.parse(JSON.parse(answer.body)) : undefined
    const state = status?.connector.state
    const task = status?.tasks[0]
    if (state === 'STOPPED' || state === 'PAUSED') await call('PUT', `${path}/resume`)
    if (state === 'RUNNING' && task?.state === 'RUNNING') return
    if (task?.state === 'FAILED' && restarted) failed(task.trace)
    if (task?.state === 'FAILED') {
      restarted = true
      await call('POST', `${path}/restart?includeTasks=true&onlyFailed=true`)
    }
    if (performance.now() > deadline) failed(`state ${task?.state ?? state ?? 'unknown'}`)
    await sleep(retryPauseMs)
  }
}

function failed(trace: string | undefined): never {
  throw new MillraceError('connector', `the connector's task does not run: ${reasonIn(trace)}`, {
    hint: 'See connect.log in the logs folder.',
  })
}

async function call(method: string, url: string, body?: unknown) {
  const bare = withoutUser(url)
  const content = { 'content-type': 'application/json' }
  const response = await fetch(bare.url, {
    method,
    signal: AbortSignal.timeout(callTimeoutMs),
    headers: { ...bare.headers, ...(body === undefined ? {} : content) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: response.status, body: await response.text() }
}

/** A trace's last cause says more than its first line. */
function reasonIn(trace: string | undefined): string {
  const lines = (trace ?? '').split('\n')
  const causes = lines.filter((line) => line.startsWith('Caused by: '))
  return (causes.at(-1) ?? lines[0] ?? '').replace('Caused by: ', '') || 'no reason given'
}
