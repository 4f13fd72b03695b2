import type { TopicAdmin, TopicDescription } from '../consume/change-source.ts'
import { refuseUnfitTopic } from '../consume/fit-topic.ts'
import { judgeDebezium, oldestDebezium } from '../debezium-version.ts'
import { describe, MillraceError } from '../errors.ts'
import type { Lsn } from '../position.ts'
import { connectorFaults, type ConnectorNeeds } from '../source/connector-faults.ts'
import type { Connect } from '../source/connect.ts'
import type { SetupFault, SlotState, Source } from '../source/source.ts'
import type { ViewReader } from '../store/reader.ts'
import { sharingTopics, tableInTopics } from '../table-name.ts'
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

export type SetupLook = {
  readonly fingerprint: Fingerprint
  /** Where the source's log ends; undefined where the source was not to be asked. */
  readonly lsn: Lsn | undefined
  /** Why a part could not be asked. */
  readonly missed: MillraceError | undefined
}

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

  /**
   * What it looks like now. Where it is `known` how it was, a part that can't be asked is as it was;
   * else that rejects, as does a store that is away.
   */
  async look(view: View, known?: Fingerprint): Promise<SetupLook> {
    const { source, connect, admin, reader } = this.#parts
    const [moment, settings, topics, status] = await Promise.allSettled([
      source.moment(view),
      connect.settings(),
      admin.describe(this.topics(view)),
      reader.status(),
    ])
    const missed = faultOf([moment, settings, topics, status])
    if (missed && (!known || status.status === 'rejected')) throw missed
    const answers = {
      moment: answerOf(moment),
      settings: answerOf(settings),
      topics: answerOf(topics),
      evicted: answerOf(status)?.evicted ?? 0,
    }
    return { fingerprint: fingerprintOf(answers, known), lsn: answers.moment?.lsn, missed }
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
    const { names, brokers } = this.#parts
    const places = { connector: names.connector, topics, brokers }
    return [
      ...faults,
      ...connectorFaults(settings, connectorNeeds([view], names)),
      ...versionFaults(version),
      ...sharedTopicFaults(tablesOf(view), names.connector),
      ...tablesOf(view).flatMap((table) => topicFaults(table, places)),
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
}

/** What these views need of the connector, each table once. */
export function connectorNeeds(views: readonly View[], names: ConnectorNames): ConnectorNeeds {
  const { connector, publication, slot } = names
  const tables = [...new Set(views.flatMap(tablesOf))]
  const columns = (table: string) =>
    views.filter((view) => tablesOf(view).includes(table)).map((view) => columnsOf(view, table))
  return {
    prefix: connector,
    publication,
    slot,
    tables: tables.map((table) => ({
      table,
      columns: [...new Set(columns(table).flatMap(Object.keys))],
    })),
    types: [...new Set(tables.flatMap(columns).flatMap((each) => Object.values(each)))],
  }
}

/** The first one; throws what is none. */
function faultOf(answers: readonly PromiseSettledResult<unknown>[]): MillraceError | undefined {
  const reasons = answers.flatMap((answer): unknown[] =>
    answer.status === 'rejected' ? [answer.reason] : [],
  )
  const faults = reasons.filter((reason) => reason instanceof MillraceError)
  if (faults.length < reasons.length) {
    throw reasons.find((reason) => !(reason instanceof MillraceError))
  }
  return faults[0]
}

function answerOf<T>(answer: PromiseSettledResult<T>): T | undefined {
  return answer.status === 'fulfilled' ? answer.value : undefined
}

export function sharedTopicFaults(tables: readonly string[], connector: string): SetupFault[] {
  return sharingTopics(tables).map(({ table, other }) => {
    const topic = topicOf(connector, table)
    const what = `changes of ${other} and of ${table} go to the same topic ${topic}: rename one of them`
    return { table, what, mend: undefined }
  })
}

type TopicPlaces = {
  readonly connector: string
  readonly topics: Readonly<Record<string, TopicDescription>>
  readonly brokers: readonly string[]
}

export function topicFaults(
  table: string,
  { connector, topics, brokers }: TopicPlaces,
): readonly SetupFault[] {
  const topic = topicOf(connector, table)
  const description = topics[topic]
  if (!description) {
    return [{ table, what: `topic ${topic} is not there`, mend: undefined }]
  }
  try {
    refuseUnfitTopic(topic, description, brokers)
    return []
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error
    return [{ table, what: describe(error), mend: error.hint }]
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

/** Of Debezium. */
export function versionFaults(version: string): readonly SetupFault[] {
  if (judgeDebezium(version) === 'good') return []
  const what = `Debezium ${version} is older than ${oldestDebezium} and loses rows when it restarts`
  return [{ table: undefined, what, mend: undefined }]
}
