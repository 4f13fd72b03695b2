import { z } from 'zod'
import { unavailableValue } from '../change.ts'
import { MillraceError } from '../errors.ts'
import { lsnFromInteger, type Lsn } from '../position.ts'

export type ConnectorOptions = {
  /** Kafka Connect's REST interface. */
  readonly connect: string
  readonly name: string
  readonly callTimeoutMs: number
}

/** What Connect has committed of a source: everything below is acknowledged by Kafka. */
export type CommittedOffset = {
  /** End of the last transaction seen; undefined before the first. */
  readonly commitLsn: Lsn | undefined
  /** True while a snapshot is under way. */
  readonly snapshot: boolean
}

const offsetsAnswer = z.object({
  offsets: z.array(
    z.object({
      offset: z
        .record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))
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
    const settings = connectorSettings.parse(parseExactly(await this.#get('config')))
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
    const text = await this.#get('offsets')
    const answer = offsetsAnswer.safeParse(parseExactly(text))
    if (!answer.success) {
      throw new MillraceError(
        'connect-answer',
        'Connect answered with offsets of an unknown form',
        {
          retriable: true,
          cause: answer.error,
          hint: 'Check the versions of Connect and Debezium against docker-compose.yml.',
        },
      )
    }
    const offset = answer.data.offsets[0]?.offset
    if (!offset) return { commitLsn: undefined, snapshot: false }
    const lsn = offset['lsn_commit'] ?? offset['lsn_proc'] ?? null
    return {
      commitLsn: lsn === null || typeof lsn === 'boolean' ? undefined : lsnFromInteger(lsn),
      snapshot: snapshotUnderWay(offset),
    }
  }

  async #get(path: string): Promise<string> {
    const { connect, name, callTimeoutMs } = this.#options
    const url = `${connect.replace(/\/$/, '')}/connectors/${encodeURIComponent(name)}/${path}`
    let response: Response
    let body: string
    try {
      response = await fetch(url, { signal: AbortSignal.timeout(callTimeoutMs) })
      body = await response.text()
    } catch (cause) {
      throw new MillraceError(
        'connect-unavailable',
        `Kafka Connect does not answer at ${connect}`,
        {
          retriable: true,
          cause,
          hint: 'Changes wait in Postgres until it is back; the slot keeps their log.',
        },
      )
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

/** JSON.parse rounds 64-bit LSNs; numbers of 16 digits and more are read as strings instead. */
function parseExactly(text: string): unknown {
  try {
    return JSON.parse(text.replace(/(?<=[:[,]\s*)(-?\d{16,})(?=\s*[,}\]])/g, '"$1"'))
  } catch (cause) {
    throw new MillraceError('connect-answer', 'Connect answered something that is not JSON', {
      retriable: true,
      cause,
    })
  }
}

function snapshotUnderWay(offset: Readonly<Record<string, unknown>>): boolean {
  const mark = offset['snapshot']
  return mark !== undefined && mark !== null && mark !== false && mark !== 'false'
}
