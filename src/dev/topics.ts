import { Kafka, logLevel } from 'kafkajs'
import type { TopicSpec } from '../consume/change-source.ts'

const dayMs = 86_400_000
const hourMs = 3_600_000

/** Every topic that the connector `prefix` writes; made before anybody subscribes. */
export function chainTopics(prefix: string): TopicSpec[] {
  const tables = ['users', 'tweets', 'follows', 'likes']
  return [
    ...tables.map((table) => ({
      topic: `${prefix}.public.${table}`,
      partitions: 4,
      settings: changeTopicSettings,
    })),
    { topic: `${prefix}.message`, partitions: 1, settings: passingTopicSettings },
    { topic: `__debezium-heartbeat.${prefix}`, partitions: 1, settings: passingTopicSettings },
  ]
}

/** The connector's `topic.creation.default.*` says the same, should it ever come first. */
export const changeTopicSettings: Readonly<Record<string, string>> = {
  'cleanup.policy': 'compact',
  'min.compaction.lag.ms': String(dayMs),
  'message.timestamp.type': 'LogAppendTime',
}

/** Markers and heartbeats: nobody reads them, their offsets are what counts. */
const passingTopicSettings: Readonly<Record<string, string>> = {
  'cleanup.policy': 'delete',
  'retention.ms': String(hourMs),
  'segment.ms': String(hourMs),
}

export async function createTopics(broker: string, prefix: string): Promise<void> {
  const admin = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    await admin.createTopics({
      topics: chainTopics(prefix).map(({ topic, partitions, settings }) => ({
        topic,
        numPartitions: partitions,
        replicationFactor: 1,
        configEntries: Object.entries(settings).map(([name, value]) => ({ name, value })),
      })),
    })
  } finally {
    await admin.disconnect()
  }
}
