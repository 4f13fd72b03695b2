import { MillraceError } from '../../errors.ts'
import { topicPartitionName, type KafkaOffset, type TopicPartition } from '../../position.ts'
import type { BrokerConnections } from './broker-connections.ts'
import { topicMissing, whenAway } from './kafka-errors.ts'
import { protocolError, send } from './kafkajs-internals.ts'
import { isSure, leadersOf, type LedPartition } from './leaders.ts'
import { listOffsetsRequest, offsetOf } from './list-offsets.ts'

type Led = TopicPartition & LedPartition

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
  const found = await leadersOf(connections, topics)
  return topics.flatMap((topic) => {
    const known = found.get(topic)
    if (!known) throw topicMissing(`offsets of ${topic}`)
    return known.partitions.map((led) => ({ topic, ...led }))
  })
}

const leaderNotAvailable = 5

export function noLeader(): Error {
  return protocolError(leaderNotAvailable)
}

/** Of the leader, by the epoch that the brokers know: it refuses where it leads in an earlier one. */
async function listOffsets(
  connections: BrokerConnections,
  asked: readonly Led[],
  time: bigint,
): Promise<Map<string, KafkaOffset>> {
  for (const led of asked) refuseUnsure(led)
  const byLeader = Map.groupBy(asked, ({ leader }) => leader && `${leader.host}:${leader.port}`)
  const askOne = async (partitions: readonly Led[]) => {
    const { leader } = partitions[0]!
    if (!leader) throw noLeader()
    return connections.ask((broker) => send(broker, listOffsetsRequest(partitions, time)), leader)
  }
  const answers = await Promise.all(Array.from(byLeader.values(), askOne))
  return new Map(answers.flatMap((offsets) => [...offsets]))
}

/** What another broker may know of a later leader, whose log reaches further. */
function refuseUnsure(led: Led): void {
  if (isSure(led)) return
  const counts = `${led.replicasAsked} of the ${led.replicas.length} brokers that have it`
  throw new MillraceError(
    'kafka-away',
    `offsets of ${topicPartitionName(led)}: ${counts} can be asked who leads it, too few to be sure`,
    { hint: whenAway },
  )
}
