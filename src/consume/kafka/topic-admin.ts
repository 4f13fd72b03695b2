import { systemClock } from '../../clock.ts'
import type { Log } from '../../log.ts'
import type { KafkaOffset } from '../../position.ts'
import type { TopicAdmin, TopicDescription, TopicSpec } from '../change-source.ts'
import { BrokerConnections } from './broker-connections.ts'
import { bounded, topicMissing } from './kafka-errors.ts'
import { topicResource } from './kafkajs-internals.ts'
import { leadersOf } from './leaders.ts'
import { metadataOf, type Metadata } from './metadata.ts'
import { highWatermarks } from './offsets.ts'

export type TopicAdminOptions = {
  /** `host:port` each. */
  readonly brokers: readonly string[]
  readonly log: Log
  readonly clientId?: string
  /** Bound of one call of the contract. */
  readonly callTimeoutMs?: number
}

type Settings = Pick<TopicDescription, 'compactionLagMs' | 'cleanupPolicy'>

const lagSetting = 'min.compaction.lag.ms'
const policySetting = 'cleanup.policy'
/** A topic that was just made has no leaders for a moment. */
const leaderPauseMs = 50

/** Connects with the first call, and again after the brokers were away. */
export function kafkaTopicAdmin(options: TopicAdminOptions): TopicAdmin {
  return new KafkaTopicAdmin(options)
}

class KafkaTopicAdmin implements TopicAdmin {
  readonly #callTimeoutMs: number
  readonly #connections: BrokerConnections

  constructor({ brokers, log, clientId = 'millrace', callTimeoutMs = 5_000 }: TopicAdminOptions) {
    this.#callTimeoutMs = callTimeoutMs
    this.#connections = new BrokerConnections({ brokers, clientId, callTimeoutMs, log })
  }

  ends(topics: readonly string[]): Promise<ReadonlyMap<string, KafkaOffset>> {
    return this.#call('end offsets', highWatermarks(this.#connections, topics))
  }

  describe(topics: readonly string[]): Promise<Readonly<Record<string, TopicDescription>>> {
    return this.#call('describing topics', this.#describe(topics))
  }

  create(topics: readonly TopicSpec[]): Promise<void> {
    return this.#call('creating topics', this.#create(topics))
  }

  async close(): Promise<void> {
    this.#connections.close()
  }

  async #describe(topics: readonly string[]): Promise<Record<string, TopicDescription>> {
    const known = await leadersOf(this.#connections, topics)
    const settings = await this.#settings([...known.keys()])
    const descriptions = Array.from(known, ([topic, { id, partitions }]) => {
      return [topic, { id, partitions: partitions.length, ...settings.get(topic)! }] as const
    })
    return Object.fromEntries(descriptions)
  }

  #metadata(topics: readonly string[]): Promise<Metadata> {
    return this.#connections.ask((broker) => metadataOf(broker, topics))
  }

  async #settings(topics: readonly string[]): Promise<ReadonlyMap<string, Settings>> {
    if (topics.length === 0) return new Map()
    const configNames = [lagSetting, policySetting]
    const resources = topics.map((name) => ({ type: topicResource, name, configNames }))
    const answer = await this.#connections.ask((broker) => broker.describeConfigs({ resources }))
    const settings = answer.resources.map(({ resourceName, configEntries }) => {
      const values = new Map(configEntries.map((it) => [it.configName, it.configValue]))
      const [lag, cleanupPolicy] = [values.get(lagSetting), values.get(policySetting)]
      // A broker leaves out what it was not asked for, and no topic is without these.
      if (lag == null || cleanupPolicy == null) throw topicMissing(`settings of ${resourceName}`)
      return [resourceName, { compactionLagMs: Number(lag), cleanupPolicy }] as const
    })
    return new Map(settings)
  }

  async #create(topics: readonly TopicSpec[]): Promise<void> {
    const names = topics.map(({ topic }) => topic)
    const { topics: present, controller } = await this.#metadata(names)
    const missing = topics.filter(({ topic }) => !present.has(topic))
    if (missing.length === 0) return
    const request = {
      timeout: this.#callTimeoutMs,
      topics: missing.map(({ topic, partitions, settings }) => ({
        topic,
        numPartitions: partitions,
        configEntries: Object.entries(settings).map(([name, value]) => ({ name, value })),
      })),
    }
    await this.#connections
      .ask((broker) => broker.createTopics(request), controller)
      .catch(refuseUnlessPresent)
    await this.#led(names)
  }

  /** Resolves when every partition has a leader, or after the bound of a call. */
  async #led(names: readonly string[]): Promise<void> {
    const untilMs = systemClock.monotonicMs() + this.#callTimeoutMs
    while (systemClock.monotonicMs() < untilMs) {
      const { topics } = await this.#metadata(names)
      const partitions = names.map((name) => topics.get(name)?.partitions)
      if (partitions.every((known) => known?.every(({ leader }) => leader))) return
      await systemClock.sleep(leaderPauseMs)
    }
  }

  #call<T>(what: string, work: Promise<T>): Promise<T> {
    return bounded(what, this.#callTimeoutMs, work)
  }
}

/** That somebody else was quicker is as good. */
function refuseUnlessPresent(error: unknown): void {
  const { errors = [error] } = error as { errors?: readonly unknown[] }
  const other = errors.find((each) => (each as { type?: string }).type !== 'TOPIC_ALREADY_EXISTS')
  if (other !== undefined) throw other
}
