import type { KafkaOffset } from '../../position.ts'
import {
  decodeRecordBatches,
  isolation,
  protocolError,
  type RawMessage,
  type Request,
} from './kafkajs-internals.ts'
import { array, int32, int64, int8, struct, text, uuid, WireReader } from './wire.ts'

export type Fetch = {
  /** The broker refuses where the topic has another id by now, or the partition another leader. */
  readonly topicId: string
  readonly leaderEpoch: number
  readonly partition: number
  readonly from: KafkaOffset
  /** How long the broker may wait while there is nothing. */
  readonly waitMs: number
  readonly bytesMax: number
}

export type AbortedTransaction = { readonly producerId: string; readonly firstOffset: bigint }

/** What a fetch of one partition brought. */
export type Fetched = {
  readonly abortedTransactions: readonly AbortedTransaction[]
  readonly messages: readonly RawMessage[]
}

type Answer = {
  readonly errorCode: number
  readonly abortedTransactions: readonly AbortedTransaction[]
  readonly records: Buffer | null
}

/**
 * Version 13, which Kafka 3.1 brought: the first that names a topic by its id. kafkajs names it by
 * its name, and would read on in a topic that was made anew under the same.
 */
export function fetchRequest(fetch: Fetch): Request<Fetched> {
  return {
    apiName: 'Fetch',
    apiKey: 1,
    apiVersion: 13,
    timeoutMs: fetch.waitMs + 100,
    body: encode(fetch),
    read: async (bytes) => {
      const { errorCode, abortedTransactions, records } = readAnswer(new WireReader(bytes))
      if (errorCode !== 0) throw protocolError(errorCode)
      return { abortedTransactions, messages: await decodeRecordBatches(records) }
    },
  }
}

const noReplica = int32(-1)
const noSession = Buffer.concat([int32(0), int32(-1)])
const unknownEpoch = int32(-1)
const unknownOffset = int64(-1n)

function encode({ topicId, leaderEpoch, partition, from, waitMs, bytesMax }: Fetch): Buffer {
  const asked = struct(
    int32(partition),
    int32(leaderEpoch),
    int64(from),
    unknownEpoch,
    unknownOffset,
    int32(bytesMax),
  )
  return struct(
    noReplica,
    int32(waitMs),
    int32(1), // bytes at least
    int32(bytesMax),
    int8(isolation.readCommitted),
    noSession,
    array([struct(uuid(topicId), array([asked]))]),
    array([]), // forgotten topics
    text(''), // rack
  )
}

function readAnswer(answer: WireReader): Answer {
  const errorCode = answer.int16()
  answer.int32() // session
  const [[partition] = []] = answer.array(() => readTopic(answer))
  if (errorCode !== 0) return { errorCode, abortedTransactions: [], records: null }
  if (!partition) throw new Error('a fetch was answered without the partition that it asked for')
  return partition
}

function readTopic(answer: WireReader): Answer[] {
  answer.uuid()
  const partitions = answer.array(() => readPartition(answer))
  answer.skipTags()
  return partitions
}

function readPartition(answer: WireReader): Answer {
  answer.int32() // partition
  const errorCode = answer.int16()
  for (const _ of ['high watermark', 'last stable', 'log start']) answer.int64()
  const abortedTransactions = answer.array(() => {
    const transaction = { producerId: String(answer.int64()), firstOffset: answer.int64() }
    answer.skipTags()
    return transaction
  })
  answer.int32() // preferred replica
  const records = answer.bytes()
  answer.skipTags()
  return { errorCode, abortedTransactions, records }
}
