import type { Clock } from '../../src/clock.ts'
import type { TopicAdmin, TopicDescription } from '../../src/consume/change-source.ts'
import type { MarksParts } from '../../src/coordinate/marks.ts'
import { lsnFromInteger, type KafkaOffset } from '../../src/position.ts'
import type { CommittedOffset, Connect, ConnectorStatus } from '../../src/source/connect.ts'
import type { Marked, Moment, SetupFault, SlotState, Source } from '../../src/source/source.ts'
import { parseSnapshot, parseTransactionId } from '../../src/transaction.ts'
import { at } from './library.ts'

export const topicNames = ['authors', 'books', 'prizes'].map((table) => `t.public.${table}`)

/** As a marker that does not come: false once the patience of whoever waits is at its end. */
export const neverArrives = (_: string, signal: AbortSignal): Promise<boolean> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(false)
    signal.addEventListener('abort', () => resolve(false), { once: true })
  })

/** Source, connector and topics of the view `library` in a few words: all well until a test says otherwise. */
export class FakeOutside {
  readonly #clock: Clock
  history = '7/1'
  lsn = 1_000n
  transaction = 100n
  setup: Record<string, unknown> = {
    tables: {
      authors: { oid: 1, files: [11], identity: 'f' },
      books: { oid: 2, files: [12], identity: 'f' },
      prizes: { oid: 3, files: [13], identity: 'f' },
    },
    publication: { oid: 4 },
    slot: { name: 'millrace' },
    unique: {},
  }
  faults: SetupFault[] = []
  slot: SlotState | undefined
  settings: Record<string, string> = {
    'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
    'plugin.name': 'pgoutput',
    'slot.name': 'millrace',
    'publication.name': 'millrace',
    'topic.prefix': 't',
    'offset.mismatch.strategy': 'trust_offset',
  }
  version = '3.7.0.Final'
  status: ConnectorStatus = { state: 'running', reason: undefined }
  /** The connector passes each marker at once, unless a test says otherwise. */
  committed: () => CommittedOffset = () => ({
    commitLsn: lsnFromInteger(this.lsn + 1n),
    snapshot: false,
  })
  arrives: (marker: string, signal: AbortSignal) => Promise<boolean> = async () => true
  topics: Record<string, TopicDescription>
  readonly ends = new Map<string, KafkaOffset>()
  /** What was asked, in its order. */
  readonly asked: string[] = []

  constructor(clock: Clock) {
    this.#clock = clock
    const description = { partitions: 1, compactionLagMs: 0, cleanupPolicy: 'delete' }
    this.topics = Object.fromEntries(
      topicNames.map((topic) => [topic, { id: `id of ${topic}`, ...description }]),
    )
    for (const topic of topicNames) this.ends.set(`${topic}/0`, at(10))
  }

  /** Writes `count` records to the topic of a table. */
  grow(table: string, count = 1): void {
    const name = `t.public.${table}/0`
    this.ends.set(name, at(this.ends.get(name)! + BigInt(count)))
  }

  readonly source: Pick<Source, 'mark' | 'moment' | 'faults' | 'slot'> = {
    mark: async () => {
      this.asked.push('mark')
      this.lsn += 8n
      this.transaction += 1n
      return this.#marked()
    },
    moment: async () => this.moment(),
    faults: async () => {
      this.asked.push('faults')
      return this.faults
    },
    slot: async () => this.slot,
  }

  readonly connect: Connect = {
    committed: async () => {
      this.asked.push('committed')
      return this.committed()
    },
    settings: async () => this.settings,
    status: async () => {
      this.asked.push('status')
      return this.status
    },
    restart: async () => void this.asked.push('restart'),
    version: async () => this.version,
  }

  readonly admin: Pick<TopicAdmin, 'ends' | 'describe'> = {
    ends: async (topics) => {
      this.asked.push(`ends ${topics.join()}`)
      return new Map([...this.ends].filter(([name]) => topics.includes(name.split('/')[0]!)))
    },
    describe: async (topics) =>
      Object.fromEntries(Object.entries(this.topics).filter(([topic]) => topics.includes(topic))),
  }

  /** Whether markers arrive in transactions of Kafka's. */
  inTransaction = false

  readonly markers: MarksParts['markers'] = {
    ready: async () => void this.asked.push('ready'),
    arrival: (marker, signal) => {
      this.asked.push('arrival')
      return this.arrives(marker, signal)
    },
    readThrough: (sinceMs) => this.readThrough(sinceMs),
    inTransaction: () => this.inTransaction,
  }

  readThrough = async (_sinceMs: number): Promise<void> => undefined

  moment(): Moment {
    const { transaction: _transaction, ...moment } = this.#marked()
    return { ...moment, setup: JSON.stringify(this.setup) }
  }

  #marked(): Marked {
    return {
      lsn: lsnFromInteger(this.lsn),
      transaction: parseTransactionId(String(this.transaction)),
      snapshot: parseSnapshot(`${this.transaction}:${this.transaction}:`),
      history: this.history,
      nowMs: this.#clock.wallMs(),
    }
  }
}
