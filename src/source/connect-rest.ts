import { z } from 'zod'
import { MillraceError } from '../errors.ts'
import { lsnFromInteger } from '../position.ts'
import type { CommittedOffset, Connect, ConnectorSettings, ConnectorStatus } from './connect.ts'

export type ConnectRestOptions = {
  /** Kafka Connect's REST interface; the URL may hold a user and password. */
  readonly connect: string
  /** The connector's name. */
  readonly name: string
  readonly callTimeoutMs: number
}

/** As `parseExactly` reads it: numbers that a double can't hold are text. */
const offsetsAnswer = z.object({
  offsets: z.array(
    z.object({
      offset: z
        .object({
          lsn_commit: z
            .union([z.string().regex(/^\d+$/), z.number().int().nonnegative()])
            .nullish(),
          snapshot: z.union([z.string(), z.boolean()]).nullish(),
        })
        .nullable(),
    }),
  ),
})

const settingsAnswer = z.record(z.string(), z.string().nullable())

const work = z.object({ state: z.string(), trace: z.string().nullish() })
const statusAnswer = z.object({ connector: work, tasks: z.array(work) })

const pluginsAnswer = z.array(z.object({ class: z.string(), version: z.string().nullish() }))

/** The Debezium connector as Connect's REST interface shows it. */
export function connectRest(options: ConnectRestOptions): Connect {
  return new ConnectRest(options)
}

class ConnectRest implements Connect {
  readonly #options: ConnectRestOptions

  constructor(options: ConnectRestOptions) {
    this.#options = options
  }

  async committed(): Promise<CommittedOffset> {
    const { offsets } = parseAnswer(offsetsAnswer, await this.#ask('GET', 'offsets'))
    const offset = offsets[0]?.offset
    const lsn = offset?.lsn_commit ?? undefined
    return {
      commitLsn: lsn === undefined ? undefined : lsnFromInteger(lsn),
      snapshot: snapshotUnderWay(offset?.snapshot),
    }
  }

  async settings(): Promise<ConnectorSettings> {
    const settings = parseAnswer(settingsAnswer, await this.#ask('GET', 'config'))
    return Object.fromEntries(
      Object.entries(settings).flatMap(([name, value]) => (value === null ? [] : [[name, value]])),
    )
  }

  async status(): Promise<ConnectorStatus> {
    const answer = parseAnswer(statusAnswer, await this.#ask('GET', 'status'))
    const parts = [answer.connector, ...answer.tasks]
    const failed = parts.find(({ state }) => state === 'FAILED')
    if (failed) return { state: 'failed', reason: reasonIn(failed.trace ?? '') }
    const stopped = parts.some(({ state }) => state === 'STOPPED' || state === 'PAUSED')
    if (stopped) return { state: 'stopped', reason: undefined }
    const running = parts.length > 1 && parts.every(({ state }) => state === 'RUNNING')
    return { state: running ? 'running' : 'starting', reason: undefined }
  }

  async restart(): Promise<void> {
    await this.#ask('POST', 'restart?includeTasks=true')
  }

  async version(): Promise<string> {
    const [settings, plugins] = await Promise.all([this.settings(), this.#get('connector-plugins')])
    const wanted = settings['connector.class'] ?? ''
    const found = parseAnswer(pluginsAnswer, plugins).find((plugin) => isPlugin(plugin, wanted))
    if (found?.version) return found.version
    throw new MillraceError('connect-refused', `Connect has no plugin ${wanted}`, {
      hint: 'Install the Debezium connector for Postgres in the plugin path of Connect.',
    })
  }

  #ask(method: string, what: string): Promise<string> {
    return this.#get(`connectors/${encodeURIComponent(this.#options.name)}/${what}`, method)
  }

  async #get(path: string, method = 'GET'): Promise<string> {
    const { connect, name, callTimeoutMs } = this.#options
    const { origin, pathname, host, username, password } = new URL(connect)
    const url = `${origin}${pathname.replace(/\/$/, '')}/${path}`
    // A URL with a password in it is refused by fetch, and would stand in what it rejects with.
    const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
    const authorization = `Basic ${Buffer.from(user).toString('base64')}`
    const headers: Record<string, string> = username === '' ? {} : { authorization }
    let response: Response
    let body: string
    try {
      response = await fetch(url, { method, headers, signal: AbortSignal.timeout(callTimeoutMs) })
      body = await response.text()
    } catch (cause) {
      throw unavailable(`Kafka Connect does not answer at ${host}`, cause)
    }
    if (response.ok) return body
    const answered = `Kafka Connect answered ${response.status} for connector ${name}: ${body.slice(0, 200)}`
    // While its workers join or leave it can't tell; what it fails at may go through later.
    if (response.status === 409 || response.status >= 500) throw unavailable(answered)
    throw new MillraceError('connect-refused', answered, {
      hint: 'Register the connector (see connectors/) or set MILLRACE_CONNECTOR to its name.',
    })
  }
}

function unavailable(message: string, cause?: unknown): MillraceError {
  return new MillraceError('connect-unavailable', message, {
    cause,
    hint: 'Changes wait in Postgres until it is back; the slot keeps their log.',
  })
}

function parseAnswer<T>(schema: z.ZodType<T>, text: string): T {
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

function snapshotUnderWay(mark: string | boolean | null | undefined): boolean {
  return mark !== undefined && mark !== null && mark !== false && mark !== 'false'
}

/** The innermost cause of a Java stack trace, without its frames. */
function reasonIn(trace: string): string | undefined {
  const lines = trace.split('\n').map((line) => line.trim())
  const cause = lines.findLast((line) => line.startsWith('Caused by: '))
  return cause?.slice('Caused by: '.length) ?? (lines[0] || undefined)
}

/** A connector may name its class in full, or by its last part with or without `Connector`. */
function isPlugin(plugin: { readonly class: string }, wanted: string): boolean {
  const name = plugin.class.slice(plugin.class.lastIndexOf('.') + 1)
  return [plugin.class, name, name.replace(/Connector$/, '')].includes(wanted)
}
