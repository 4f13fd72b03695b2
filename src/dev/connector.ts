/** The connector of a chain: what it is given beside what a plan says, and the wait until it runs. */
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { MillraceError } from '../errors.ts'
import { withoutUser } from './urls.ts'

/** Settings in place of those that Millrace gives a connector; null for one that it shall not have. */
export type ConnectorChanges = Readonly<Record<string, string | null>>

const callTimeoutMs = 30_000
const retryPauseMs = 300

/**
 * Who captures, and where the registry is: Connect finds both in its own environment, so that no
 * password lies in Kafka, where Connect keeps the settings of connectors.
 */
export const fromEnvironment: ConnectorChanges = {
  'database.hostname': '${env:MILLRACE_CAPTURE_HOST}',
  'database.port': '${env:MILLRACE_CAPTURE_PORT}',
  'database.dbname': '${env:MILLRACE_CAPTURE_DATABASE}',
  'database.user': '${env:MILLRACE_CAPTURE_USER}',
  'database.password': '${env:MILLRACE_CAPTURE_PASSWORD}',
  'key.converter.apicurio.registry.url': '${env:MILLRACE_CAPTURE_REGISTRY}',
  'value.converter.apicurio.registry.url': '${env:MILLRACE_CAPTURE_REGISTRY}',
}

/** For a Connect that runs without exactly-once sources. */
export const withoutTransactions: ConnectorChanges = {
  'exactly.once.support': 'requested',
  'transaction.boundary': null,
}

export type ConnectorOptions = {
  /** Connect's REST interface. */
  readonly connect: string
  readonly name: string
  readonly timeoutMs: number
}

const statusSchema = z.object({
  connector: z.object({ state: z.string() }),
  tasks: z.array(z.object({ state: z.string(), trace: z.string().optional() })),
})

/**
 * Waits until the connector's task runs: one that somebody has stopped or paused goes on, and a task
 * that failed when the chain went down is started again once, for Connect never does that.
 */
export async function untilRunning(options: ConnectorOptions): Promise<void> {
  const deadline = performance.now() + options.timeoutMs
  const path = `${options.connect}/connectors/${encodeURIComponent(options.name)}`
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

async function call(method: string, url: string): Promise<{ status: number; body: string }> {
  const bare = withoutUser(url)
  const signal = AbortSignal.timeout(callTimeoutMs)
  const response = await fetch(bare.url, { method, signal, headers: bare.headers })
  return { status: response.status, body: await response.text() }
}

/** A trace's last cause says more than its first line. */
function reasonIn(trace: string | undefined): string {
  const lines = (trace ?? '').split('\n')
  const causes = lines.filter((line) => line.startsWith('Caused by: '))
  return (causes.at(-1) ?? lines[0] ?? '').replace('Caused by: ', '') || 'no reason given'
}
