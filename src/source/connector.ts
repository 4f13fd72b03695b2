import { z } from 'zod'
import { unavailableValue } from '../change.ts'
import { MillraceError } from '../errors.ts'
import { lsnFromInteger, type Lsn } from '../position.ts'

export type ConnectorOptions = {
  /** Kafka Connect's REST interface; the URL may hold a user and password. */
  readonly connect: string
  readonly name: string
  readonly callTimeoutMs: number
}

/** What Connect has committed of a source: everything below is acknowledged by Kafka. */
export type CommittedOffset = {
  /**
   * End of the last transaction seen. Undefined before the first, and so also for a connector made
   * anew whose snapshot has not begun.
   */
  readonly commitLsn: Lsn | undefined
  /** True while a snapshot is under way. */
  readonly snapshot: boolean
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

const connectorSettings = z.record(z.string(), z.string().nullable())

/** Without these a row's state could be a placeholder that looks like text. */
const needed = { 'unavailable.value.placeholder': unavailableValue } as const

/** The Debezium connector as Connect's REST interface shows it. */
export class Connector {
  readonly #options: ConnectorOptions

  constructor(options: ConnectorOptions) {
    this.#options = options
  }

  /** Rejects when a setting of the connector would let the view go wrong in silence. */
  async refuseUnfit(): Promise<void> {
    const settings = parseAnswer(connectorSettings, await this.#get('config'))
    const { name } = this.#options
    for (const [setting, value] of Object.entries(needed)) {
      if (settings[setting] === value) continue
      throw new MillraceError(
        'connector-unfit',
        `connector ${name} has ${setting} = ${JSON.stringify(settings[setting] ?? null)}, ` +
          `the view needs ${JSON.stringify(value)}`,
        {
          retriable: true,
          hint: 'Set it as connectors/millrace.json has it, then npm run rebuild.',
        },
      )
    }
  }

  /** The newest committed source offset, in one answer. */
  async committed(): Promise<CommittedOffset> {
    const { offsets } = parseAnswer(offsetsAnswer, await this.#get('offsets'))
    const offset = offsets[0]?.offset
    const lsn = offset?.lsn_commit ?? undefined
    return {
      commitLsn: lsn === undefined ? undefined : lsnFromInteger(lsn),
      snapshot: snapshotUnderWay(offset?.snapshot),
    }
  }

  async #get(path: string): Promise<string> {
    const { connect, name, callTimeoutMs } = this.#options
    const { origin, pathname, host, username, password } = new URL(connect)
    const base = `${origin}${pathname.replace(/\/$/, '')}`
    const url = `${base}/connectors/${encodeURIComponent(name)}/${path}`
    // A URL with a password in it is refused by fetch, and would stand in what it rejects with.
    const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
    const authorization = `Basic ${Buffer.from(user).toString('base64')}`
    const headers: Record<string, string> = username === '' ? {} : { authorization }
    let response: Response
    let body: string
    try {
      response = await fetch(url, { headers, signal: AbortSignal.timeout(callTimeoutMs) })
      body = await response.text()
    } catch (cause) {
      throw new MillraceError('connect-unavailable', `Kafka Connect does not answer at ${host}`, {
        retriable: true,
        cause,
        hint: 'Changes wait in Postgres until it is back; the slot keeps their log.',
      })
    }
    if (response.ok) return body
    throw new MillraceError(
      'connect-refused',
      `Kafka Connect answered ${response.status} for connector ${name}: ${body.slice(0, 200)}`,
      {
        retriable: true,
        hint: 'Register the connector (see connectors/) or set MILLRACE_CONNECTOR to its name.',
      },
    )
  }
}

/** Topic of a table's changes: `millrace.public.users`. */
export function topicOf(connector: string, table: string): string {
  return `${connector}.public.${table}`
}

function parseAnswer<T>(schema: z.ZodType<T>, text: string): T {
  try {
    return schema.parse(parseExactly(text))
  } catch (cause) {
    throw new MillraceError('connect-answer', 'Connect answered in an unknown form', {
      retriable: true,
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
