/** What is asked of Kafka Connect to make a connector or to change one. */
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { MillraceError } from '../errors.ts'
import {
  askConnect,
  callConnect,
  connectorPath,
  connectRefused,
  parseAnswer,
  pluginVersions,
  settingsIn,
  type ConnectAddress,
} from './connect-call.ts'
import { connectRest } from './connect-rest.ts'
import type { ConnectorSettings } from './connect.ts'

const retryPauseMs = 300
/** Connect looks at the database before it takes a configuration. */
const slowCallTimeoutMs = 40_000

const refusedHint =
  'Where it can not log in: the workers of Connect need config.providers=env, and the password of ' +
  'MILLRACE_CAPTURE in their variable MILLRACE_CAPTURE_PASSWORD.'

/** Undefined where Connect knows no connector of the name. */
export async function connectorSettings(
  address: ConnectAddress,
): Promise<ConnectorSettings | undefined> {
  const { ok, status, body } = await askConnect(address, { path: connectorPath(address, 'config') })
  if (ok) return settingsIn(body)
  if (status === 404) return undefined
  throw connectRefused(address.name, status, body)
}

/** Versions of its plugins by their classes: connectors and converters. */
export async function connectPlugins(
  address: ConnectAddress,
): Promise<ReadonlyMap<string, string>> {
  return new Map(await pluginVersions(address, 'connector-plugins?connectorsOnly=false'))
}

const validation = z.object({
  configs: z.array(
    z.object({ value: z.object({ name: z.string(), errors: z.array(z.string()) }) }),
  ),
})

/** What Connect would not take, by setting. */
export async function connectorObjections(
  address: ConnectAddress,
  settings: ConnectorSettings,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const path = `connector-plugins/${settings['connector.class']}/config/validate`
  const json = { ...settings, name: address.name }
  const slow = { ...address, callTimeoutMs: slowCallTimeoutMs }
  const answer = await callConnect(slow, { path, method: 'PUT', json })
  const { configs } = parseAnswer(validation, answer)
  return new Map(configs.map(({ value }) => [value.name, value.errors]))
}

/**
 * Makes the connector, or changes it to these settings, and waits until its task runs. Throws
 * `connect-refused`, and `connector-failed` when the task ends.
 */
export async function putConnector(
  address: ConnectAddress,
  settings: ConnectorSettings,
  timeoutMs: number,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs
  const slow = { ...address, callTimeoutMs: slowCallTimeoutMs }
  for (;;) {
    try {
      const call = { path: connectorPath(address, 'config'), method: 'PUT', json: settings }
      const { ok, body } = await askConnect(slow, call)
      if (ok) break
      throw new MillraceError(
        'connect-refused',
        `Connect refuses the connector: ${messageIn(body)}`,
        { hint: refusedHint },
      )
    } catch (error) {
      const passes = error instanceof MillraceError && error.code === 'connect-unavailable'
      if (!passes || performance.now() > deadlineMs) throw error
    }
    await sleep(retryPauseMs)
  }
  // One that somebody has stopped goes on when they say so.
  await untilRunning(address, { timeoutMs: deadlineMs - performance.now(), resumes: false })
}

export type Running = {
  readonly timeoutMs: number
  /** Whether one that somebody has stopped or paused goes on; else it is not waited for. */
  readonly resumes: boolean
}

/**
 * Waits until the connector's task runs. One that has failed is started again once, for Connect never
 * does that. Throws `connector-failed`.
 */
export async function untilRunning(
  address: ConnectAddress,
  { timeoutMs, resumes }: Running,
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs
  const connect = connectRest(address)
  const resume = { path: connectorPath(address, 'resume'), method: 'PUT' }
  let restarted = false
  for (;;) {
    const status = await connect.status().catch(() => undefined)
    const { state = 'starting', reason } = status ?? {}
    if (state === 'running' || (state === 'stopped' && !resumes)) return
    if (performance.now() > deadlineMs || (state === 'failed' && restarted)) {
      const why = reason === undefined ? `it is ${state}` : reason
      throw new MillraceError('connector-failed', `the connector's task does not run: ${why}`, {
        hint: "Connect's log says more; with `millrace dev` it is connect.log in the folder of logs.",
      })
    }
    if (state === 'stopped') await isTaken(callConnect(address, resume))
    if (state === 'failed') restarted = await isTaken(connect.restart())
    await sleep(retryPauseMs)
  }
}

/** While its workers join or leave, Connect takes nothing: it is asked again. */
async function isTaken(call: Promise<unknown>): Promise<boolean> {
  try {
    await call
    return true
  } catch (error) {
    if (error instanceof MillraceError) return false
    throw error
  }
}

const complaint = z.object({ message: z.string() })

function messageIn(body: string): string {
  try {
    return complaint.parse(JSON.parse(body)).message
  } catch {
    return body.slice(0, 500)
  }
}
