import { brokerTooOld } from './kafka-errors.ts'
import {
  protocolError,
  send,
  type Address,
  type Broker,
  type Request,
} from './kafkajs-internals.ts'
import { array, boolean, struct, text, uuid, WireReader } from './wire.ts'

/** What a broker knows of topics. kafkajs asks in a version that has no topic ids. */
export type Metadata = {
  /** Those that are there, by their number. */
  readonly brokers: ReadonlyMap<number, Address>
  /** Whom to ask for a change of the cluster; undefined while nobody is known to answer that. */
  readonly controller: Address | undefined
  /** By name; a topic that does not exist is left out. */
  readonly topics: ReadonlyMap<string, TopicMetadata>
}

export type TopicMetadata = {
  /** As Kafka's tools print it. */
  readonly id: string
  readonly partitions: readonly PartitionMetadata[]
}

export type PartitionMetadata = {
  readonly partition: number
  /** Undefined while none is elected. */
  readonly leader: Address | undefined
  readonly leaderEpoch: number
  /** Numbers of the brokers that have it, those that are away among them. */
  readonly replicas: readonly number[]
}

export function metadataOf(broker: Broker, topics: readonly string[]): Promise<Metadata> {
  return send(broker, metadataRequest(topics))
}

const unknownTopic = 3
/** Sixteen bytes of zeros: asks by name, and is the answer of a cluster that gives no ids yet. */
const noId = 'A'.repeat(22)

/** Version 12, which Kafka 3.1 brought. */
export function metadataRequest(topics: readonly string[]): Request<Metadata> {
  const asked = topics.map((topic) => struct(uuid(noId), text(topic)))
  return {
    apiName: 'Metadata',
    apiKey: 3,
    apiVersion: 12,
    // Neither shall a topic be made by asking, nor are rights of interest.
    body: struct(array(asked), boolean(false), boolean(false)),
    read: (answer) => readMetadata(new WireReader(answer)),
  }
}

function readMetadata(answer: WireReader): Metadata {
  const brokers = new Map(answer.array(() => readBroker(answer)))
  answer.text() // cluster
  const controller = brokers.get(answer.int32())
  const topics = answer.array(() => readTopic(answer, brokers))
  return { brokers, controller, topics: new Map(topics.flatMap((topic) => (topic ? [topic] : []))) }
}

function readBroker(answer: WireReader): readonly [number, Address] {
  const nodeId = answer.int32()
  const host = answer.text() ?? ''
  const port = answer.int32()
  answer.text() // rack
  answer.skipTags()
  return [nodeId, { host, port }]
}

function readTopic(
  answer: WireReader,
  brokers: ReadonlyMap<number, Address>,
): readonly [string, TopicMetadata] | undefined {
  const errorCode = answer.int16()
  const name = answer.text() ?? ''
  const id = answer.uuid()
  answer.boolean() // internal
  const partitions = answer.array(() => readPartition(answer, brokers))
  answer.int32() // rights
  answer.skipTags()
  if (errorCode === unknownTopic) return undefined
  if (errorCode !== 0) throw protocolError(errorCode)
  if (id === noId) throw brokerTooOld(`topic ${name} has no id`)
  return [name, { id, partitions: partitions.toSorted((a, b) => a.partition - b.partition) }]
}

function readPartition(
  answer: WireReader,
  brokers: ReadonlyMap<number, Address>,
): PartitionMetadata {
  answer.int16() // that no leader is elected shows in the leader
  const partition = answer.int32()
  const leader = brokers.get(answer.int32())
  const leaderEpoch = answer.int32()
  const replicas = answer.array(() => answer.int32())
  for (const _ of ['in sync', 'offline']) answer.array(() => answer.int32())
  answer.skipTags()
  return { partition, leader, leaderEpoch, replicas }
}
