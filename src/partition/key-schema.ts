import { parseTopicPartition } from '../position.ts'
import type { Checkpoint } from '../store/state.ts'

/**
 * A partition that has had no record knows the schema of keys by the others of its topic: by another
 * schema a row may stand in two of them, whichever of them is applied first.
 */
export function keySchemaOf(
  topic: string,
  checkpoints: ReadonlyMap<string, Checkpoint>,
): number | undefined {
  const ofTopic = [...checkpoints].filter(([name]) => parseTopicPartition(name).topic === topic)
  const schemas = ofTopic.flatMap(([, { keySchema }]) => keySchema ?? [])
  return schemas.length === 0 ? undefined : Math.min(...schemas)
}
