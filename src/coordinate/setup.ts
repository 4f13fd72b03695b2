import type { TopicAdmin } from '../consume/change-source.ts'
import { refuseUnfitTopic } from '../consume/fit-topic.ts'
import { describe, MillraceError } from '../errors.ts'
import type { Lsn } from '../position.ts'
import { connectorFaults } from '../source/connector-faults.ts'
import type { Connect, ConnectorSettings } from '../source/connect.ts'
import type { SetupFault, SlotState, Source } from '../source/source.ts'
import type { ViewReader } from '../store/reader.ts'
import { tableInTopics } from '../table-name.ts'
import { columnsOf, tablesOf, type View } from '../view/view.ts'
import { fingerprintOf, type Fingerprint } from './fingerprint.ts'

export type SetupParts = {
  readonly source: Pick<Source, 'moment' | 'faults' | 'slot'>
  readonly connect: Pick<Connect, 'settings' | 'version'>
  readonly admin: Pick<TopicAdmin, 'describe'>
  readonly reader: Pick<ViewReader, 'status'>
  /** Names that the connector must have, and where a table's changes go. */
  readonly names: ConnectorNames
  readonly brokers: readonly string[]
}

export type ConnectorNames = {
  /** Name of the connector, and of its topics' prefix. */
  readonly connector: string
  readonly publication: string
  readonly slot: string
}

export type SetupLook = { readonly fingerprint: Fingerprint; readonly lsn: Lsn }

/** Topic of a table's changes: `millrace.public.users`. */
export function topicOf(connector: string, table: string): string {
  return `${connector}.${tableInTopics(table)}`
}

/** Everything outside of Millrace that decides whether changes arrive, and arrive whole. */
export class Setup {
  readonly #parts: SetupParts

  constructor(parts: SetupParts) {
    this.#parts = parts
  }

  /** What it looks like now, and where the source's log ends. */
  async look(view: View): Promise<SetupLook> {
    const { source, connect, admin, reader } = this.#parts
    const [moment, settings, topics, { evicted = 0 }] = await Promise.all([
      source.moment(view),
      connect.settings(),
      admin.describe(this.topics(view)),
      reader.status(),
    ])
    return { fingerprint: fingerprintOf({ moment, settings, topics, evicted }), lsn: moment.lsn }
  }

  /** What of it would make the view wrong, or keep it from ever being right. */
  async faults(view: View): Promise<readonly SetupFault[]> {
    const { source, connect, admin } = this.#parts
    const [faults, settings, version, topics] = await Promise.all([
      source.faults([view]),
      connect.settings(),
      connect.version(),
      admin.describe(this.topics(view)),
    ])
    return [
      ...faults,
      ...this.#connectorFaults(view, settings, version),
      ...this.#sharedTopicFaults(view),
      ...tablesOf(view).flatMap((table) => this.#topicFaults(table, topics)),
    ]
  }

  slot(): Promise<SlotState | undefined> {
    return this.#parts.source.slot()
  }

  topics(view: View): readonly string[] {
    return tablesOf(view).map((table) => topicOf(this.#parts.names.connector, table))
  }

  /** The table whose changes a topic holds. */
  tableOf(view: View, topic: string): string | undefined {
    return tablesOf(view).find((table) => topicOf(this.#parts.names.connector, table) === topic)
  }

  #connectorFaults(view: View, settings: ConnectorSettings, version: string): SetupFault[] {
    const { connector, publication, slot } = this.#parts.names
    const tables = tablesOf(view).map((table) => ({
      table,
      columns: Object.keys(columnsOf(view, table)),
    }))
    const types = tablesOf(view).flatMap((table) => Object.values(columnsOf(view, table)))
    const needs = { prefix: connector, publication, slot, tables, types }
    const faults = connectorFaults(settings, needs)
    return isTooOld(version) ? [...faults, tooOld(version)] : [...faults]
  }

  /** The names of two tables may differ in nothing that a topic's name can hold. */
  #sharedTopicFaults(view: View): SetupFault[] {
    const { connector } = this.#parts.names
    const taken = new Map<string, string>()
    return tablesOf(view).flatMap((table) => {
      const topic = topicOf(connector, table)
      const other = taken.get(topic)
      taken.set(topic, table)
      if (other === undefined) return []
      const what = `changes of ${other} and of ${table} go to the same topic ${topic}: rename one of them`
      return [{ table, what, mend: undefined }]
    })
  }

  #topicFaults(
    table: string,
    topics: Awaited<ReturnType<TopicAdmin['describe']>>,
  ): readonly SetupFault[] {
    const topic = topicOf(this.#parts.names.connector, table)
    const description = topics[topic]
    if (!description) {
      return [{ table, what: `topic ${topic} is not there`, mend: undefined }]
    }
    try {
      refuseUnfitTopic(topic, description, this.#parts.brokers)
      return []
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error
      return [{ table, what: describe(error), mend: error.hint }]
    }
  }
}

/** Faults as one error. */
export function unfit(view: View, faults: readonly SetupFault[]): MillraceError {
  const mend = faults.flatMap((fault) => fault.mend ?? [])
  return new MillraceError(
    'source-unfit',
    `the set-up does not fit view ${view.name}: ${faults.map(({ what }) => what).join('; ')}`,
    mend.length > 0 ? { hint: `Run: ${mend.join(' ')}` } : {},
  )
}

const oldestVersion = [3, 7, 0] as const

function isTooOld(version: string): boolean {
  const parts = /^(\d+)\.(\d+)\.(\d+)/.exec(version)?.slice(1).map(Number) ?? []
  for (const [at, oldest] of oldestVersion.entries()) {
    const part = parts[at] ?? 0
    if (part !== oldest) return part < oldest
  }
  return false
}

function tooOld(version: string): SetupFault {
  return {
    table: undefined,
    what: `Debezium ${version} is older than 3.7.0.Final and loses rows when it restarts`,
    mend: undefined,
  }
}
