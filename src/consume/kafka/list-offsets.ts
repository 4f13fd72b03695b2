import {
  parseKafkaOffset,
  topicPartitionName,
  type KafkaOffset,
  type TopicPartition,
} from '../../position.ts'
import { isolation, protocolError, type Request } from './kafkajs-internals.ts'
import { array, int32, int64, int8, struct, text, WireReader } from './wire.ts'

/** A broker refuses where another one leads by now, or where it led in an earlier epoch. */
export type Asked = TopicPartition & { readonly leaderEpoch: number }

/** What ListOffsets takes for a time. */
export const offsetOf = { end: -1n, start: -2n } as const

/**
 * Version 6; kafkajs asks in one that names no epoch. Asked as read-uncommitted, for a broker answers
 * those who read committed records with the last stable offset, which an open transaction holds back.
 */
export function listOffsetsRequest(
  asked: readonly Asked[],
  time: bigint,
): Request<ReadonlyMap<string, KafkaOffset>> {
  const topics = Array.from(
    Map.groupBy(asked, ({ topic }) => topic),
    ([topic, partitions]) => {
      const each = partitions.map(({ partition, leaderEpoch }) =>
        struct(int32(partition), int32(leaderEpoch), int64(time)),
      )
      return struct(text(topic), array(each))
    },
  )
  return {
    apiName: 'ListOffsets',
    apiKey: 2,
    apiVersion: 6,
    body: struct(noReplica, int8(isolation.readUncommitted), array(topics)),
    read: (answer) => readOffsets(new WireReader(answer)),
  }
}

const noReplica = int32(-1)

function readOffsets(answer: WireReader): ReadonlyMap<string, KafkaOffset> {
  const offsets = answer.array(() => {
    const topic = answer.text() ?? ''
    const partitions = answer.array(() => readPartition(answer))
    answer.skipTags()
    return partitions.map(
      ({ partition, offset }) => [topicPartitionName({ topic, partition }), offset] as const,
    )
  })
  return new Map(offsets.flat())
}

function readPartition(answer: WireReader): { partition: number; offset: KafkaOffset } {
  const partition = answer.int32()
  const errorCode = answer.int16()
  answer.int64() // time
  const offset = answer.int64()
  answer.int32() // epoch of the record there
  answer.skipTags()
  if (errorCode !== 0) throw protocolError(errorCode)
  return { partition, offset: parseKafkaOffset(String(offset)) }
}
