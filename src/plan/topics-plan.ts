/** Topics: those of the tables, which workers read, and those that pass and are read at once. */
import type { TopicSpec } from '../consume/change-source.ts'
import { kafkaTopicAdmin } from '../consume/kafka/topic-admin.ts'
import { sharedTopicFaults, topicFaults, topicOf } from '../coordinate/setup.ts'
import { tablesOf } from '../view/view.ts'
import { askedOr, faultIn, type Draft } from './draft.ts'
import { planLog, type Tools } from './tools.ts'
import type { PlanConfig, PlanParts } from './words.ts'

const hourMs = 3_600_000

/**
 * Views are begun and compared by SQL, so nobody asks the topics for history: a week is for workers
 * that were down.
 */
export const changeTopicSettings: Readonly<Record<string, string>> = {
  'cleanup.policy': 'delete',
  'retention.ms': String(7 * 24 * hourMs),
  'message.timestamp.type': 'LogAppendTime',
}

/** Markers, which are read at once, and heartbeats, which nobody reads. */
const passingTopicSettings: Readonly<Record<string, string>> = {
  'cleanup.policy': 'delete',
  'retention.ms': String(hourMs),
  'segment.ms': String(hourMs),
}

export function topicsDraft({ project }: PlanParts, { admin }: Tools): Promise<Draft> {
  return askedOr('kafka', async () => {
    const { config, views } = project
    const tables = [...new Set(views.flatMap(tablesOf))]
    const specs = topicSpecs(tables, config)
    const topics = await admin.describe(specs.map(({ topic }) => topic))
    const missing = specs.filter(({ topic }) => !topics[topic])
    const { connector, kafka: brokers } = config
    const present = tables.filter((table) => topics[topicOf(connector, table)])
    const faults = [
      ...sharedTopicFaults(tables, connector),
      ...present.flatMap((table) => topicFaults(table, { connector, topics, brokers })),
    ]
    return {
      works: missing.length === 0 ? [] : [creation(missing, config)],
      faults: faults.map((fault) => faultIn('kafka', fault)),
      notes: [],
    }
  })
}

export function topicSpecs(
  tables: readonly string[],
  { connector, topicPartitions }: Pick<PlanConfig, 'connector' | 'topicPartitions'>,
): readonly TopicSpec[] {
  const names = [...new Set(tables.map((table) => topicOf(connector, table)))]
  return [
    ...names.map((topic) => ({
      topic,
      partitions: topicPartitions,
      settings: changeTopicSettings,
    })),
    { topic: `${connector}.message`, partitions: 1, settings: passingTopicSettings },
    { topic: `__debezium-heartbeat.${connector}`, partitions: 1, settings: passingTopicSettings },
  ]
}

function creation(specs: readonly TopicSpec[], config: PlanConfig) {
  const line = ({ topic, partitions, settings }: TopicSpec) => {
    const words = Object.entries(settings).map(([name, value]) => `${name}=${value}`)
    return `${topic}: ${partitions} ${partitions === 1 ? 'partition' : 'partitions'}, ${words.join(', ')}`
  }
  return {
    where: 'kafka',
    what: specs.length === 1 ? 'create a topic' : `create ${specs.length} topics`,
    text: specs.map(line),
    needs: undefined,
    run: async () => {
      const { kafka: brokers } = config
      const log = planLog(config)
      const admin = kafkaTopicAdmin({ brokers, log, callTimeoutMs: 30_000 })
      try {
        await admin.create(specs)
      } finally {
        await admin.close()
      }
    },
  }
}
