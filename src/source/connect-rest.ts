import { z } from 'zod'
import { MillraceError } from '../errors.ts'
import { lsnFromInteger } from '../position.ts'
import {
  callConnect,
  connectorPath,
  parseAnswer,
  pluginVersions,
  settingsIn,
  type ConnectAddress,
} from './connect-call.ts'
import type { CommittedOffset, Connect, ConnectorSettings, ConnectorStatus } from './connect.ts'

/** As `parseAnswer` reads it: numbers that a double can't hold are text. */
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

/** Connect reads all of a topic for them, committed records only: an open transaction holds it up. */
const offsetsHint =
  'If it answers all but its offsets, their topic has an open transaction or too many records: see ' +
  '"When Kafka has lost the end of a transaction" and "offsets topic" in the README.'

const work = z.object({ state: z.string(), trace: z.string().nullish() })
const statusAnswer = z.object({ connector: work, tasks: z.array(work) })

/** The Debezium connector as Connect's REST interface shows it. */
export function connectRest(options: ConnectAddress): Connect {
  return new ConnectRest(options)
}

class ConnectRest implements Connect {
  readonly #options: ConnectAddress

  constructor(options: ConnectAddress) {
    this.#options = options
  }

  async committed(): Promise<CommittedOffset> {
    const path = connectorPath(this.#options, 'offsets')
    const body = await callConnect(this.#options, { path, hint: offsetsHint })
    const { offsets } = parseAnswer(offsetsAnswer, body)
    const offset = offsets[0]?.offset
    const lsn = offset?.lsn_commit ?? undefined
    return {
      commitLsn: lsn === undefined ? undefined : lsnFromInteger(lsn),
      snapshot: snapshotUnderWay(offset?.snapshot),
    }
  }

  async settings(): Promise<ConnectorSettings> {
    return settingsIn(await this.#ask('config'))
  }

  async status(): Promise<ConnectorStatus> {
    const answer = parseAnswer(statusAnswer, await this.#ask('status'))
    const parts = [answer.connector, ...answer.tasks]
    const failed = parts.find(({ state }) => state === 'FAILED')
    if (failed) return { state: 'failed', reason: reasonIn(failed.trace ?? '') }
    const stopped = parts.some(({ state }) => state === 'STOPPED' || state === 'PAUSED')
    if (stopped) return { state: 'stopped', reason: undefined }
    const running = parts.length > 1 && parts.every(({ state }) => state === 'RUNNING')
    return { state: running ? 'running' : 'starting', reason: undefined }
  }

  async restart(): Promise<void> {
    await this.#ask('restart?includeTasks=true', 'POST')
  }

  async version(): Promise<string> {
    const [settings, plugins] = await Promise.all([
      this.settings(),
      pluginVersions(this.#options, 'connector-plugins'),
    ])
    const wanted = settings['connector.class'] ?? ''
    const [, version] = plugins.find(([plugin]) => isPlugin(plugin, wanted)) ?? []
    if (version) return version
    throw new MillraceError('connect-refused', `Connect has no plugin ${wanted}`, {
      hint: 'Install the Debezium connector for Postgres in the plugin path of Connect.',
    })
  }

  #ask(what: string, method = 'GET'): Promise<string> {
    return callConnect(this.#options, { path: connectorPath(this.#options, what), method })
  }
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
function isPlugin(plugin: string, wanted: string): boolean {
  const name = plugin.slice(plugin.lastIndexOf('.') + 1)
  return [plugin, name, name.replace(/Connector$/, '')].includes(wanted)
}
