/** One call of Kafka Connect's REST interface, and how its answers are read. */
import { z } from 'zod'
import { MillraceError } from '../errors.ts'
import type { ConnectorSettings } from './connect.ts'

export type ConnectAddress = {
  /** Kafka Connect's REST interface; the URL may hold a user and password. */
  readonly connect: string
  /** The connector's name. */
  readonly name: string
  readonly callTimeoutMs: number
}

export type ConnectCall = {
  readonly path: string
  readonly method?: string
  /** Sent as JSON. */
  readonly json?: unknown
  /** What is to be done where it does not answer, besides waiting. */
  readonly hint?: string
}

export type ConnectAnswer = {
  readonly ok: boolean
  readonly status: number
  readonly body: string
}

/** Rejects with `connect-unavailable`, also while Connect's workers join or leave. */
export async function askConnect(
  { connect, name, callTimeoutMs }: ConnectAddress,
  { path, method = 'GET', json, hint }: ConnectCall,
): Promise<ConnectAnswer> {
  const { origin, pathname, host, username, password } = new URL(connect)
  const url = `${origin}${pathname.replace(/\/$/, '')}/${path}`
  // A URL with a password in it is refused by fetch, and would stand in what it rejects with.
  const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  const authorization = `Basic ${Buffer.from(user).toString('base64')}`
  const headers: Record<string, string> = {
    ...(username !== '' && { authorization }),
    ...(json !== undefined && { 'content-type': 'application/json' }),
  }
  const content = json === undefined ? {} : { body: JSON.stringify(json) }
  let response: Response
  let body: string
  try {
    const signal = AbortSignal.timeout(callTimeoutMs)
    response = await fetch(url, { method, headers, signal, ...content })
    body = await response.text()
  } catch (cause) {
    throw unavailable(`Kafka Connect does not answer at ${host}: ${path}`, { hint, cause })
  }
  const { ok, status } = response
  // While its workers join or leave it can't tell; what it fails at may go through later.
  if (status === 409 || status >= 500)
    throw unavailable(`${answered(name, status, body)}, asked for ${path}`, { hint })
  return { ok, status, body }
}

/** The body of an answer. Rejects with `connect-refused` as well, where Connect says no. */
export async function callConnect(address: ConnectAddress, call: ConnectCall): Promise<string> {
  const { ok, status, body } = await askConnect(address, call)
  if (ok) return body
  throw connectRefused(address.name, status, body)
}

/** Path of the connector, or of what Connect tells of it. */
export function connectorPath({ name }: ConnectAddress, what: string): string {
  return `connectors/${encodeURIComponent(name)}/${what}`
}

const plugins = z.array(z.object({ class: z.string(), version: z.string().nullish() }))

/** Class and version of each plugin that Connect lists under this path. */
export async function pluginVersions(
  address: ConnectAddress,
  path: string,
): Promise<readonly (readonly [name: string, version: string])[]> {
  const found = parseAnswer(plugins, await callConnect(address, { path }))
  return found.map((each) => [each.class, each.version ?? ''])
}

export function connectRefused(name: string, status: number, body: string): MillraceError {
  return new MillraceError('connect-refused', answered(name, status, body), {
    hint: 'Run `millrace apply`, which makes the connector, or set MILLRACE_CONNECTOR to its name.',
  })
}

function answered(name: string, status: number, body: string): string {
  return `Kafka Connect answered ${status} for connector ${name}: ${body.slice(0, 200)}`
}

const keptHint = 'Changes wait in Postgres until it is back; the slot keeps their log.'

type Unavailable = { readonly hint: string | undefined; readonly cause?: unknown }

function unavailable(message: string, { hint, cause }: Unavailable): MillraceError {
  const whole = hint === undefined ? keptHint : `${keptHint} ${hint}`
  return new MillraceError('connect-unavailable', message, { cause, hint: whole })
}

const settingsAnswer = z.record(z.string(), z.string().nullable())

/** A connector's configuration. */
export function settingsIn(text: string): ConnectorSettings {
  const settings = Object.entries(parseAnswer(settingsAnswer, text))
  return Object.fromEntries(
    settings.flatMap(([name, value]) => (value === null ? [] : [[name, value]])),
  )
}

export function parseAnswer<T>(schema: z.ZodType<T>, text: string): T {
  try {
    return schema.parse(parseExactly(text))
  } catch (cause) {
    throw new MillraceError('connect-answer', 'Connect answered in an unknown form', {
      cause,
      hint: 'Check the versions of Connect and Debezium against docker-compose.yml.',
    })
  }
}

/** JSON.parse rounds 64-bit LSNs: a number that a double can't hold is read as text instead. */
function parseExactly(text: string): unknown {
  return JSON.parse(text, exact)
}

/** The engine hands over the `source` of every number; TypeScript does not know yet. */
function exact(_key: string, value: unknown, context?: { readonly source: string }): unknown {
  return typeof value === 'number' && !Number.isSafeInteger(value) ? context?.source : value
}
