import { topicPartitionName, type KafkaOffset } from '../position.ts'
import type { Checkpoint, Restart } from './state.ts'

/** Names of every partition of the topics. */
export function partitionsOf(topics: Readonly<Record<string, number>>): readonly string[] {
  return Object.entries(topics).flatMap(([topic, count]) =>
    Array.from({ length: count }, (_, partition) => topicPartitionName({ topic, partition })),
  )
}

/** What becomes of one partition's checkpoint: another log outweighs a step forward. */
export function restartOf(
  restarts: readonly Restart[],
  partition: string,
): Restart['how'] | 'stay' {
  const of = restarts.filter(
    ({ partitions }) => partitions.length === 0 || partitions.includes(partition),
  )
  if (of.some(({ how }) => how === 'anew')) return 'anew'
  return of.length > 0 ? 'forward' : 'stay'
}

/** The checkpoint as it stands afterwards; `found` is undefined for a partition that had none. */
export function restarted(
  found: Checkpoint | undefined,
  how: Restart['how'] | 'stay',
  offset: KafkaOffset | undefined,
): Checkpoint {
  if (found && how === 'stay') return found
  if (offset === undefined) throw new Error('a checkpoint is moved without an offset to go to')
  if (found && how === 'forward' && found.next >= offset) return { ...found, windowFrom: offset }
  return { next: offset, last: undefined, windowFrom: offset, keySchema: undefined }
}
