import type { TopicAdmin, TopicSpec } from '../consume/change-source.ts'
import { kafkaTopicAdmin } from '../consume/kafka/topic-admin.ts'
import { createLog } from '../log.ts'
import { topicOf } from '../source/connector.ts'

const dayMs = 86_400_000
const hourMs = 3_600_000

/** Every topic that the connector `prefix` writes; made before anybody subscribes. */
export function chainTopics(prefix: string): TopicSpec[] {
  const tables = ['users', 'tweets', 'follows', 'likes']
  return [
    ...tables.map((table) => ({
      topic: topicOf(prefix, table),
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

const callTimeoutMs = 10_000

/** Creates those of the connector's topics that are missing. */
export function createTopics(broker: string, prefix: string): Promise<void> {
  return withTopicAdmin(broker, (admin) => admin.create(chainTopics(prefix)))
}

/** Throws while the broker doesn't answer. */
export async function brokerAnswers(broker: string): Promise<void> {
  await withTopicAdmin(broker, (admin) => admin.partitions([]))
}

async function withTopicAdmin<T>(
  broker: string,
  work: (admin: TopicAdmin) => Promise<T>,
): Promise<T> {
  const log = createLog('silent', 'dev')
  const admin = kafkaTopicAdmin({ brokers: [broker], log, callTimeoutMs })
  try {
    return await work(admin)
  } finally {
    await admin.close()
  }
}
