/** How a parked record is kept as text, and in which order parked records are listed. */
import { z } from 'zod'
import { parseKafkaOffset, parseTopicPartition, topicPartitionName } from '../position.ts'
import { typeError } from './checks.ts'
import type { ParkedRecord } from './state.ts'

const bytes = z
  .base64()
  .nullable()
  .transform((text) => (text === null ? null : new Uint8Array(Buffer.from(text, 'base64'))))

const parkedSchema = z.object({
  partition: z.string().transform(parseTopicPartition),
  offset: z.string().transform(parseKafkaOffset),
  timestampMs: z.number(),
  parkedAtMs: z.number(),
  key: bytes,
  value: bytes,
  reason: z.string(),
})

/** Bytes as base64, the offset as decimal text. */
export function encodeParked(record: ParkedRecord): string {
  const text = (part: Uint8Array | null) => part && Buffer.from(part).toString('base64')
  return JSON.stringify({
    ...record,
    partition: topicPartitionName(record.partition),
    offset: record.offset.toString(),
    key: text(record.key),
    value: text(record.value),
  })
}

export function decodeParked(text: string, where: string): ParkedRecord {
  try {
    return parkedSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw typeError(where, 'a parked record does not parse', { cause })
  }
}

/** By topic, partition and offset. */
export function compareParked(
  a: Pick<ParkedRecord, 'partition' | 'offset'>,
  b: Pick<ParkedRecord, 'partition' | 'offset'>,
): number {
  return (
    compare(a.partition.topic, b.partition.topic) ||
    compare(a.partition.partition, b.partition.partition) ||
    compare(a.offset, b.offset)
  )
}

function compare<T extends string | number | bigint>(a: T, b: T): number {
  return Number(a > b) - Number(a < b)
}
