/**
 * The only door to kafkajs' inside, typed as far as it is used. Its consumer pushes batches, waits
 * for all partitions before it fetches again, hides control records, jumps when an offset is out of
 * range and knows no topic ids, so Millrace reads with the parts below: connections, the requests
 * that kafkajs can make, the decoding of records, and the membership of a group. kafkajs is pinned
 * to one version, and `assertPatched` looks at it.
 */
import { createRequire } from 'node:module'
import type { Log } from '../../log.ts'
import { codecs, type Codec } from './compression.ts'
import { brokerTooOld } from './kafka-errors.ts'
import { kafkaLogger, type KafkajsLogger } from './kafka-log.ts'

export type Address = { readonly host: string; readonly port: number }

/** One record of a fetch, control records among them. */
export type RawMessage = {
  readonly offset: string
  readonly timestamp: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly isControlRecord: boolean
  readonly batchContext: { readonly producerId: string; readonly inTransaction: boolean }
}

export type DescribeConfigsRequest = {
  readonly resources: readonly {
    readonly type: number
    readonly name: string
    readonly configNames: readonly string[]
  }[]
}

export type CreateTopicsRequest = {
  readonly timeout: number
  readonly topics: readonly {
    readonly topic: string
    readonly numPartitions: number
    readonly configEntries: readonly { readonly name: string; readonly value: string }[]
  }[]
}

type Connection = {
  disconnect(): Promise<unknown>
  send(request: object): Promise<unknown>
  rejectRequests(error: Error): void
  readonly socket?: { destroy(): void }
}

type ConnectionPool = { pool: Connection[] }

/** One connection to one broker. */
export type Broker = {
  readonly brokerAddress: string
  readonly connectionPool: ConnectionPool
  readonly versions: Readonly<Record<number, { minVersion: number; maxVersion: number }>>
  connect(): Promise<void>
  isConnected(): boolean
  describeConfigs(request: DescribeConfigsRequest): Promise<{
    readonly resources: readonly {
      readonly resourceName: string
      readonly configEntries: readonly {
        readonly configName: string
        readonly configValue: string | null
      }[]
    }[]
  }>
  createTopics(request: CreateTopicsRequest): Promise<unknown>
}

export type Cluster = {
  connect(): Promise<void>
  disconnect(): Promise<void>
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>
}

export type ConsumerGroup = {
  memberId: string | null
  readonly generationId: number | null
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

/** What DescribeConfigs takes for a topic. */
export const topicResource = 2

export type ClientOptions = {
  readonly clientId: string
  /** Bound of one request; a fetch may take its own wait longer. */
  readonly callTimeoutMs: number
  readonly log: Log
}

/** Few and quick tries within a call: the loops above try again, and they know when to stop. */
const retry = { retries: 2, initialRetryTime: 100, maxRetryTime: 1_000 }

const metadataMaxAgeMs = 60_000
const connectTimeoutMsMost = 2_000

const require = createRequire(import.meta.url)

/** Connects to a broker and asks what it understands. */
export async function openBroker({ host, port }: Address, options: ClientOptions): Promise<Broker> {
  const Pool = require('kafkajs/src/network/connectionPool') as new (o: object) => ConnectionPool
  const BrokerClass = require('kafkajs/src/broker') as new (o: object) => Broker
  const logger = kafkaLogger(options.log)
  const connectionPool = new Pool({ host, port, ...networkOptions(options) })
  // kafkajs keeps a second one for fetches, so that other requests need not wait for them.
  const connection = connectionPool.pool[0]!
  connectionPool.pool = [connection, connection]
  const broker = new BrokerClass({
    connectionPool,
    logger,
    authenticationTimeout: options.callTimeoutMs,
    allowAutoTopicCreation: false,
  })
  try {
    await broker.connect()
  } catch (error) {
    closeBroker(broker)
    throw error
  }
  return broker
}

/** At once; what waits for an answer is rejected. */
export function closeBroker({ connectionPool }: Broker): void {
  const connection = connectionPool.pool[0]!
  connection.rejectRequests(connectionClosed())
  // Until it has ended, kafkajs takes what was being encoded, and nobody would answer that.
  const destroy = () => {
    connection.rejectRequests(connectionClosed())
    connection.socket?.destroy()
  }
  connection.disconnect().then(destroy, destroy)
}

function connectionClosed(): Error {
  const { KafkaJSConnectionClosedError } = require('kafkajs/src/errors') as {
    KafkaJSConnectionClosedError: new (message: string, options: object) => Error
  }
  return new KafkaJSConnectionClosedError('Closed connection', {})
}

/** A request in a version that kafkajs does not know, a flexible one. */
export type Request<T> = {
  readonly apiName: string
  readonly apiKey: number
  readonly apiVersion: number
  /** Bound of the answer where that is longer than of others. */
  readonly timeoutMs?: number
  readonly body: Buffer
  /** What the answer means from behind the time for which it throttles, its first field, on. */
  readonly read: (answer: Buffer) => T | Promise<T>
}

/**
 * Rejects with `kafka-refused` when the broker does not know the version, and when the connection is
 * gone: kafkajs' own requests would connect again, and hide that somebody else may answer.
 */
export async function send<T>(broker: Broker, request: Request<T>): Promise<T> {
  const { apiName, apiKey, apiVersion, timeoutMs, body, read } = request
  const known = broker.versions[apiKey]
  if (!known || known.maxVersion < apiVersion) {
    const most = known?.maxVersion ?? 'none'
    throw brokerTooOld(`${broker.brokerAddress} knows ${apiName} up to version ${most}`)
  }
  const Encoder = require('kafkajs/src/protocol/encoder') as new () => {
    writeBuffer(bytes: Buffer): object
  }
  // The header, which kafkajs writes, ends in tagged fields, as that of the answer does.
  const encode = async () => new Encoder().writeBuffer(Buffer.concat([noTags, body]))
  return broker.connectionPool.pool[0]!.send({
    requestTimeout: timeoutMs ?? null,
    request: { apiKey, apiVersion, apiName, encode },
    response: {
      decode: async (bytes: Buffer) => ({
        clientSideThrottleTime: bytes.readInt32BE(noTags.length),
        answer: bytes.subarray(noTags.length + 4),
      }),
      parse: ({ answer }: { answer: Buffer }) => read(answer),
    },
  }) as Promise<T>
}

const noTags = Buffer.from([0])

/** What kafkajs makes of an error code, and of those that it does not know. */
export function protocolError(code: number): Error {
  const { createErrorFromCode } = require('kafkajs/src/protocol/error') as {
    createErrorFromCode: (code: number) => Error
  }
  const later = laterCodes[code]
  return later ? Object.assign(new Error(later.message), later) : createErrorFromCode(code)
}

/** `faultKind` reads these as it reads kafkajs' own. */
const laterCodes: Readonly<Record<number, { readonly type: string; readonly message: string }>> = {
  100: { type: 'UNKNOWN_TOPIC_ID', message: 'This server does not host this topic ID' },
  103: { type: 'INCONSISTENT_TOPIC_ID', message: 'The log belongs to a topic of another ID' },
}

/**
 * Records of the bytes of a fetched partition, by the function that the patch mends. Rejects where
 * they are compressed with what `compression.ts` refuses.
 */
export async function decodeRecordBatches(bytes: Buffer | null): Promise<readonly RawMessage[]> {
  if (!bytes || bytes.length === 0) return []
  const decode = require('kafkajs/src/protocol/requests/fetch/v4/decodeMessages') as (
    decoder: object,
  ) => Promise<readonly RawMessage[]>
  const { Codecs } = require('kafkajs/src/protocol/message/compression') as {
    Codecs: Record<number, () => Codec>
  }
  Object.assign(Codecs, codecs)
  return decode({
    readInt32: () => bytes.length,
    canReadBytes: () => true,
    readBytes: () => bytes,
  })
}

export type GroupOptions = ClientOptions & {
  readonly brokers: readonly string[]
  readonly groupId: string
  readonly topic: string
  readonly sessionTimeoutMs: number
}

/** A member of a group, with connections of its own, which the caller opens and closes. */
export function createGroup(options: GroupOptions): { cluster: Cluster; group: ConsumerGroup } {
  const ClusterClass = require('kafkajs/src/cluster') as new (o: object) => Cluster
  const Group = require('kafkajs/src/consumer/consumerGroup') as new (o: object) => ConsumerGroup
  const Emitter = require('kafkajs/src/instrumentation/emitter') as new () => unknown
  const { roundRobin } = require('kafkajs/src/consumer/assigners') as {
    roundRobin: (options: object) => unknown
  }
  const { groupId, topic } = options
  const common = { retry, metadataMaxAge: metadataMaxAgeMs, ...networkOptions(options) }
  const cluster = new ClusterClass({
    ...common,
    brokers: options.brokers,
    authenticationTimeout: options.callTimeoutMs,
    allowAutoTopicCreation: false,
    isolationLevel: isolation.readCommitted,
  })
  const group = new Group({
    ...common,
    cluster,
    groupId,
    topics: [topic],
    topicConfigurations: { [topic]: {} },
    instrumentationEmitter: new Emitter(),
    assigners: [roundRobin({ groupId, logger: common.logger, cluster })],
    sessionTimeout: options.sessionTimeoutMs,
    rebalanceTimeout: options.sessionTimeoutMs,
    autoCommit: false,
    isolationLevel: isolation.readCommitted,
  })
  return { cluster, group }
}

function networkOptions({ clientId, callTimeoutMs, log }: ClientOptions) {
  const socketFactory = require('kafkajs/src/network/socketFactory') as () => unknown
  const logger: KafkajsLogger = kafkaLogger(log)
  return {
    clientId,
    logger,
    socketFactory: socketFactory(),
    connectionTimeout: Math.min(callTimeoutMs, connectTimeoutMsMost),
    requestTimeout: callTimeoutMs,
  }
}
