import type { TopicAdmin, TopicSpec } from '../consume/change-source.ts'
import { kafkaTopicAdmin } from '../consume/kafka/topic-admin.ts'
import { createLog } from '../log.ts'

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

/**
 * The connector's `topic.creation.*` say the same, should it ever come first. Views are begun and
 * compared by SQL, so nobody asks the topics for history: a week is for workers that were down.
 */
export const changeTopicSettings: Readonly<Record<string, string>> = {
  'cleanup.policy': 'delete',
  'retention.ms': String(7 * dayMs),
  'message.timestamp.type': 'LogAppendTime',
}

/** Markers, which are read at once, and heartbeats, which nobody reads. */
export const passingTopicSettings: Readonly<Record<string, string>> = {
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
  await withTopicAdmin(broker, (admin) => admin.describe([]))
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
