import { topicPartitionName, type KafkaOffset } from '../position.ts'
import type { Turn } from './coordination.ts'
import type { Checkpoint, KeptDeclaration, Restart } from './state.ts'

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

/** The checkpoints of every partition of the turn's topics as they stand after it. */
export function turnedCheckpoints(
  before: ReadonlyMap<string, Checkpoint>,
  { topics, restarts, offsets }: Turn,
): Map<string, Checkpoint> {
  const after = partitionsOf(topics).map((name) => {
    const found = before.get(name)
    const how = found ? restartOf(restarts, name) : 'anew'
    return [name, restarted(found, how, offsets.get(name))] as const
  })
  return new Map(after)
}

/** A turn declares; what of it is complete is for the looks to say, and stays as it stood. */
export function turnedDeclarations(
  before: readonly KeptDeclaration[],
  { declarations }: Turn,
): readonly KeptDeclaration[] {
  const complete = new Set(before.filter((each) => each.complete).map(({ id }) => id))
  return declarations.map((each) => ({ ...each, complete: complete.has(each.id) }))
}
