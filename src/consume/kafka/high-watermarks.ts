import { parseKafkaOffset, topicPartitionName, type KafkaOffset } from '../../position.ts'
import { faultKind, topicMissing } from './kafka-errors.ts'
import { isolation, type Cluster } from './kafkajs-internals.ts'

/**
 * Offsets of all partitions of the topics, by `topicPartitionName`: the log start or the high
 * watermark. Asked as read-uncommitted, for kafkajs' own admin asks as read-committed and gets the
 * last stable offset, which an open transaction holds back.
 */
export async function partitionOffsets(
  cluster: Cluster,
  topics: readonly string[],
  timestamp: number,
): Promise<Map<string, KafkaOffset>> {
  try {
    await cluster.addMultipleTargetTopics(topics)
    return await askLeaders(cluster, topics, timestamp)
  } catch (error) {
    const kind = faultKind(error)
    if (kind !== 'stale-metadata' && kind !== 'away' && kind !== 'topic-missing') throw error
    // A leader has moved or its connection has gone: what we know of the cluster is old.
    await cluster.refreshMetadata()
    return askLeaders(cluster, topics, timestamp)
  }
}

async function askLeaders(
  cluster: Cluster,
  topics: readonly string[],
  timestamp: number,
): Promise<Map<string, KafkaOffset>> {
  const byLeader = new Map<number, { topic: string; partition: number }[]>()
  for (const topic of topics) {
    const partitions = cluster.findTopicPartitionMetadata(topic)
    if (partitions.length === 0) throw topicMissing(`offsets of ${topic}`)
    for (const { partitionId: partition, leader } of partitions) {
      byLeader.set(leader, [...(byLeader.get(leader) ?? []), { topic, partition }])
    }
  }
  const offsets = new Map<string, KafkaOffset>()
  for (const [nodeId, asked] of byLeader) {
    const broker = await cluster.findBroker({ nodeId })
    const { responses } = await broker.listOffsets({
      isolationLevel: isolation.readUncommitted,
      topics: Object.entries(Object.groupBy(asked, ({ topic }) => topic)).map(
        ([topic, partitions = []]) => ({
          topic,
          partitions: partitions.map(({ partition }) => ({ partition, timestamp })),
        }),
      ),
    })
    for (const { topic, partitions } of responses) {
      for (const { partition, offset } of partitions) {
        offsets.set(topicPartitionName({ topic, partition }), parseKafkaOffset(offset))
      }
    }
  }
  return offsets
}
