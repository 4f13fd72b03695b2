/**
 * Positions are branded bigints: born only in `parse*` or by arithmetic below, compared only with
 * operators of their own kind. An offset is never an LSN by accident.
 */

declare const brand: unique symbol

/** Offset of a record in one topic partition. */
export type KafkaOffset = bigint & { readonly [brand]: 'KafkaOffset' }

/** Log sequence number of the source database: bytes of WAL written before it. */
export type Lsn = bigint & { readonly [brand]: 'Lsn' }

/** One topic partition; `topicPartitionName` gives its one-word form. */
export type TopicPartition = { readonly topic: string; readonly partition: number }

export function parseKafkaOffset(text: string): KafkaOffset {
  if (!/^\d{1,19}$/.test(text)) throw new TypeError(`not a Kafka offset: '${text}'`)
  return BigInt(text) as KafkaOffset
}

/** The offset `count` records after `offset`. */
export function advance(offset: KafkaOffset, count: bigint = 1n): KafkaOffset {
  return (offset + count) as KafkaOffset
}

/** From Postgres' text form, `16/B374D848`. */
export function parseLsn(text: string): Lsn {
  const match = /^([0-9A-Fa-f]{1,8})\/([0-9A-Fa-f]{1,8})$/.exec(text)
  if (!match) throw new TypeError(`not an LSN: '${text}'`)
  return ((BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`)) as Lsn
}

/** From the 64-bit integer that Debezium writes. */
export function lsnFromInteger(value: bigint | number | string): Lsn {
  const lsn = BigInt(value)
  if (lsn < 0n || lsn >= 1n << 64n) throw new TypeError(`not an LSN: ${value}`)
  return lsn as Lsn
}

/** Postgres' text form, upper case as Postgres prints it. */
export function formatLsn(lsn: Lsn): string {
  const half = (part: bigint) => part.toString(16).toUpperCase()
  return `${half(lsn >> 32n)}/${half(lsn & 0xffff_ffffn)}`
}

/** `topic/partition`: a map key and a log field. Topic names hold no slash. */
export function topicPartitionName({ topic, partition }: TopicPartition): string {
  return `${topic}/${partition}`
}

export function parseTopicPartition(name: string): TopicPartition {
  const match = /^([^/]+)\/(\d{1,9})$/.exec(name)
  if (!match) throw new TypeError(`not a topic partition: '${name}'`)
  return { topic: match[1]!, partition: Number(match[2]) }
}
