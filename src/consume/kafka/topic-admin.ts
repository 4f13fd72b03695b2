import kafkajs, { type Admin } from 'kafkajs'
import type { Log } from '../../log.ts'
import type { KafkaOffset } from '../../position.ts'
import type { TopicAdmin, TopicSettings, TopicSpec } from '../change-source.ts'
import { partitionOffsets } from './high-watermarks.ts'
import { bounded, topicMissing } from './kafka-errors.ts'
import { createAdmin, createCluster, offsetOf, type Cluster } from './kafkajs-internals.ts'

export type TopicAdminOptions = {
  /** `host:port` each. */
  readonly brokers: readonly string[]
  readonly log: Log
  readonly clientId?: string
  /** Bound of one call of the contract. */
  readonly callTimeoutMs?: number
}

const lagSetting = 'min.compaction.lag.ms'
const policySetting = 'cleanup.policy'

/** Connects with the first call, and again after the brokers were away. */
export function kafkaTopicAdmin(options: TopicAdminOptions): TopicAdmin {
  return new KafkaTopicAdmin(options)
}

class KafkaTopicAdmin implements TopicAdmin {
  readonly #callTimeoutMs: number
  readonly #cluster: Cluster
  readonly #admin: Admin

  constructor({ brokers, log, clientId = 'millrace', callTimeoutMs = 5_000 }: TopicAdminOptions) {
    this.#callTimeoutMs = callTimeoutMs
    this.#cluster = createCluster({ brokers, clientId, callTimeoutMs, log })
    this.#admin = createAdmin(this.#cluster, log)
  }

  ends(topics: readonly string[]): Promise<ReadonlyMap<string, KafkaOffset>> {
    return this.#call('end offsets', () => partitionOffsets(this.#cluster, topics, offsetOf.end))
  }

  partitions(topics: readonly string[]): Promise<Readonly<Record<string, number>>> {
    return this.#call('partition counts', async () => {
      const present = await this.#present(topics)
      if (present.length === 0) return {}
      const metadata = await this.#admin.fetchTopicMetadata({ topics: present })
      return Object.fromEntries(
        metadata.topics.map(({ name, partitions }) => [name, partitions.length]),
      )
    })
  }

  settings(topics: readonly string[]): Promise<Readonly<Record<string, TopicSettings>>> {
    return this.#call('topic settings', async () => {
      const { resources } = await this.#admin.describeConfigs({
        includeSynonyms: false,
        resources: topics.map((name) => ({
          type: kafkajs.ConfigResourceTypes.TOPIC,
          name,
          configNames: [lagSetting, policySetting],
        })),
      })
      return Object.fromEntries(
        resources.map(({ resourceName, configEntries }) => {
          const values = new Map(configEntries.map((it) => [it.configName, it.configValue]))
          const [lag, cleanupPolicy] = [values.get(lagSetting), values.get(policySetting)]
          if (lag === undefined || cleanupPolicy === undefined) {
            throw topicMissing(`settings of ${resourceName}`)
          }
          return [resourceName, { compactionLagMs: Number(lag), cleanupPolicy }]
        }),
      )
    })
  }

  create(topics: readonly TopicSpec[]): Promise<void> {
    return this.#call('creating topics', async () => {
      const present = new Set(await this.#present(topics.map(({ topic }) => topic)))
      const missing = topics.filter(({ topic }) => !present.has(topic))
      if (missing.length === 0) return
      // False means that somebody else was quicker, which is as good.
      await this.#admin.createTopics({
        timeout: this.#callTimeoutMs,
        topics: missing.map(({ topic, partitions, settings }) => ({
          topic,
          numPartitions: partitions,
          configEntries: Object.entries(settings).map(([name, value]) => ({ name, value })),
        })),
      })
    })
  }

  async close(): Promise<void> {
    await bounded('closing', this.#callTimeoutMs, this.#cluster.disconnect()).catch(() => undefined)
  }

  async #present(topics: readonly string[]): Promise<string[]> {
    const known = new Set(await this.#admin.listTopics())
    return topics.filter((topic) => known.has(topic))
  }

  async #call<T>(what: string, work: () => Promise<T>): Promise<T> {
    const connected = async () => {
      await this.#cluster.connect()
      return work()
    }
    return bounded(what, this.#callTimeoutMs, connected())
  }
}
