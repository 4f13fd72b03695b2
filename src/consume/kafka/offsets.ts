import {
  parseKafkaOffset,
  topicPartitionName,
  type KafkaOffset,
  type TopicPartition,
} from '../../position.ts'
import type { BrokerConnections } from './broker-connections.ts'
import { topicMissing } from './kafka-errors.ts'
import {
  isolation,
  offsetOf,
  protocolError,
  type Address,
  type ListOffsetsRequest,
} from './kafkajs-internals.ts'
import { metadataOf } from './metadata.ts'

type Led = TopicPartition & { readonly leader: Address | undefined }

/** High watermarks of all partitions of the topics, by `topicPartitionName`. */
export async function highWatermarks(
  connections: BrokerConnections,
  topics: readonly string[],
): Promise<Map<string, KafkaOffset>> {
  const partitions = await partitionsOf(connections, topics)
  return listOffsets(connections, partitions, offsetOf.end)
}

/** Log start and high watermark of one partition. */
export async function boundsOf(
  connections: BrokerConnections,
  partition: TopicPartition,
): Promise<{ readonly start: KafkaOffset; readonly end: KafkaOffset }> {
  const name = topicPartitionName(partition)
  const partitions = await partitionsOf(connections, [partition.topic])
  const asked = partitions.filter((each) => each.partition === partition.partition)
  if (asked.length === 0) throw topicMissing(`bounds of ${name}`)
  const [starts, ends] = await Promise.all([
    listOffsets(connections, asked, offsetOf.start),
    listOffsets(connections, asked, offsetOf.end),
  ])
  return { start: starts.get(name)!, end: ends.get(name)! }
}

async function partitionsOf(
  connections: BrokerConnections,
  topics: readonly string[],
): Promise<Led[]> {
  const found = await connections.ask((broker) => metadataOf(broker, topics))
  return topics.flatMap((topic) => {
    const known = found.topics.get(topic)
    if (!known) throw topicMissing(`offsets of ${topic}`)
    return known.partitions.map(({ partition, leader }) => ({ topic, partition, leader }))
  })
}

const leaderNotAvailable = 5

export function noLeader(): Error {
  return protocolError(leaderNotAvailable)
}

/**
 * Asked as read-uncommitted, for a broker answers those who read committed records with the last
 * stable offset, which an open transaction holds back.
 */
async function listOffsets(
  connections: BrokerConnections,
  asked: readonly Led[],
  timestamp: number,
): Promise<Map<string, KafkaOffset>> {
  const offsets = new Map<string, KafkaOffset>()
  const byLeader = Map.groupBy(asked, ({ leader }) => leader && `${leader.host}:${leader.port}`)
  const askOne = async (partitions: readonly Led[]) => {
    const { leader } = partitions[0]!
    if (!leader) throw noLeader()
    const request = {
      isolationLevel: isolation.readUncommitted,
      topics: byTopic(partitions, timestamp),
    }
    const { responses } = await connections.ask((broker) => broker.listOffsets(request), leader)
    for (const { topic, partitions: answered } of responses) {
      for (const { partition, offset } of answered) {
        offsets.set(topicPartitionName({ topic, partition }), parseKafkaOffset(offset))
      }
    }
  }
  await Promise.all(Array.from(byLeader.values(), askOne))
  return offsets
}

function byTopic(partitions: readonly Led[], timestamp: number): ListOffsetsRequest['topics'] {
  const topics = Map.groupBy(partitions, ({ topic }) => topic)
  return Array.from(topics, ([topic, asked]) => ({
    topic,
    partitions: asked.map(({ partition }) => ({ partition, timestamp })),
  }))
}
