/**
 * The only door to kafkajs' inside, typed as far as it is used. Its consumer pushes batches, waits
 * for all partitions before it fetches again, hides control records and jumps when an offset is out
 * of range, so Millrace reads with the parts below: the protocol, the connections, the metadata and
 * the membership of a group. kafkajs is pinned to one version, and `assertPatched` looks at it.
 */
import { createRequire } from 'node:module'
import type { Admin } from 'kafkajs'
import type { Log } from '../../log.ts'
import { kafkaLogger, type KafkajsLogger } from './kafka-log.ts'

/** One record of a fetch, control records among them. */
export type RawMessage = {
  readonly offset: string
  readonly timestamp: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly isControlRecord: boolean
  readonly batchContext: { readonly producerId: string; readonly inTransaction: boolean }
}

export type AbortedTransaction = { readonly producerId: string; readonly firstOffset: string }

export type FetchedPartition = {
  readonly partition: number
  readonly highWatermark: string
  readonly lastStableOffset: string
  readonly abortedTransactions: readonly AbortedTransaction[] | null
  readonly messages: readonly RawMessage[]
}

export type FetchRequest = {
  readonly isolationLevel: number
  readonly maxWaitTime: number
  readonly minBytes: number
  readonly maxBytes: number
  readonly topics: readonly {
    readonly topic: string
    readonly partitions: readonly {
      readonly partition: number
      readonly fetchOffset: string
      readonly maxBytes: number
    }[]
  }[]
}

export type ListOffsetsRequest = {
  readonly isolationLevel: number
  readonly topics: readonly {
    readonly topic: string
    readonly partitions: readonly { readonly partition: number; readonly timestamp: number }[]
  }[]
}

export type Broker = {
  connect(): Promise<void>
  disconnect(): Promise<void>
  isConnected(): boolean
  fetch(request: FetchRequest): Promise<{
    readonly responses: readonly { readonly partitions: readonly FetchedPartition[] }[]
  }>
  listOffsets(request: ListOffsetsRequest): Promise<{
    readonly responses: readonly {
      readonly topic: string
      readonly partitions: readonly { readonly partition: number; readonly offset: string }[]
    }[]
  }>
}

type ConnectionPool = { pool: unknown[] }

export type Cluster = {
  readonly brokerPool: {
    readonly versions: unknown
    readonly metadata: {
      readonly brokers: readonly {
        readonly nodeId: number
        readonly host: string
        readonly port: number
      }[]
    } | null
    createBroker(options: object): Broker
  }
  readonly connectionPoolBuilder: {
    build(destination: { host: string; port: number }): Promise<ConnectionPool>
  }
  connect(): Promise<void>
  disconnect(): Promise<void>
  refreshMetadata(): Promise<void>
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>
  findBroker(node: { nodeId: number }): Promise<Broker>
  findTopicPartitionMetadata(topic: string): readonly {
    readonly partitionId: number
    readonly leader: number
  }[]
}

export type ConsumerGroup = {
  memberId: string | null
  readonly generationId: number | null
  connect(): Promise<void>
  joinAndSync(): Promise<void>
  heartbeat(options: { interval: number }): Promise<void>
  leave(): Promise<void>
  assigned(): readonly { readonly topic: string; readonly partitions: readonly number[] }[]
  commitOffsets(offsets: {
    topics: readonly {
      topic: string
      partitions: readonly { partition: number; offset: string }[]
    }[]
  }): Promise<void>
}

export const isolation = { readUncommitted: 0, readCommitted: 1 } as const

/** What ListOffsets takes for a time. */
export const offsetOf = { end: -1, start: -2 } as const

const require = createRequire(import.meta.url)

type ClusterClass = new (options: object) => Cluster
type GroupClass = new (options: object) => ConsumerGroup
type Assigner = (options: object) => unknown

export type ClusterOptions = {
  readonly brokers: readonly string[]
  readonly clientId: string
  /** Bound of one request; a fetch may take its own wait longer. */
  readonly callTimeoutMs: number
  readonly log: Log
}

/** Few and quick tries within a call: the loops above try again, and they know when to stop. */
const retry = { retries: 2, initialRetryTime: 100, maxRetryTime: 1_000 }

const metadataMaxAgeMs = 60_000

export function createCluster(options: ClusterOptions): Cluster {
  const Cluster = require('kafkajs/src/cluster') as ClusterClass
  const socketFactory = require('kafkajs/src/network/socketFactory') as () => unknown
  return new Cluster({
    logger: kafkaLogger(options.log),
    socketFactory: socketFactory(),
    brokers: options.brokers,
    clientId: options.clientId,
    connectionTimeout: Math.min(options.callTimeoutMs, 2_000),
    authenticationTimeout: options.callTimeoutMs,
    requestTimeout: options.callTimeoutMs,
    metadataMaxAge: metadataMaxAgeMs,
    retry,
    allowAutoTopicCreation: false,
    isolationLevel: isolation.readCommitted,
  })
}

/** A connection to the partition's leader that nobody else uses, so that no wait is shared. */
export async function dedicatedBroker(
  cluster: Cluster,
  nodeId: number,
  log: Log,
): Promise<Broker | undefined> {
  const { brokerPool, connectionPoolBuilder } = cluster
  const node = brokerPool.metadata?.brokers.find((each) => each.nodeId === nodeId)
  if (!node) return undefined
  const connectionPool = await connectionPoolBuilder.build({ host: node.host, port: node.port })
  // kafkajs keeps a second connection for fetches; here there is nothing else to send.
  connectionPool.pool = [connectionPool.pool[0], connectionPool.pool[0]]
  const { versions } = brokerPool
  const broker = brokerPool.createBroker({
    connectionPool,
    versions,
    nodeId,
    logger: kafkaLogger(log),
  })
  await broker.connect()
  return broker
}

export type GroupOptions = {
  readonly cluster: Cluster
  readonly groupId: string
  readonly topic: string
  readonly sessionTimeoutMs: number
  readonly log: Log
}

export function createGroup(options: GroupOptions): ConsumerGroup {
  const { cluster, groupId } = options
  const Group = require('kafkajs/src/consumer/consumerGroup') as GroupClass
  const Emitter = require('kafkajs/src/instrumentation/emitter') as new () => unknown
  const { roundRobin } = require('kafkajs/src/consumer/assigners') as { roundRobin: Assigner }
  const logger: KafkajsLogger = kafkaLogger(options.log)
  return new Group({
    cluster,
    groupId,
    logger,
    retry,
    topics: [options.topic],
    topicConfigurations: { [options.topic]: {} },
    instrumentationEmitter: new Emitter(),
    assigners: [roundRobin({ groupId, logger, cluster })],
    sessionTimeout: options.sessionTimeoutMs,
    rebalanceTimeout: options.sessionTimeoutMs,
    autoCommit: false,
    isolationLevel: isolation.readCommitted,
    metadataMaxAge: metadataMaxAgeMs,
  })
}

/** kafkajs' administration over a cluster that the caller connects and disconnects. */
export function createAdmin(cluster: Cluster, log: Log): Admin {
  const Emitter = require('kafkajs/src/instrumentation/emitter') as new () => unknown
  const create = require('kafkajs/src/admin') as (options: object) => Admin
  const logger = kafkaLogger(log)
  return create({ cluster, logger, instrumentationEmitter: new Emitter(), retry })
}

/** Records of the bytes of a fetched partition, by the function that the patch mends. */
export async function decodeRecordBatches(bytes: Buffer): Promise<readonly RawMessage[]> {
  const Decoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => unknown
  const decode = require('kafkajs/src/protocol/requests/fetch/v4/decodeMessages') as (
    decoder: unknown,
  ) => Promise<readonly RawMessage[]>
  const size = Buffer.alloc(4)
  size.writeInt32BE(bytes.length)
  return decode(new Decoder(Buffer.concat([size, bytes])))
}
