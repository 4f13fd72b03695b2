import { parseTopicPartition } from '../position.ts'
import type { Checkpoint } from '../store/state.ts'

/**
 * A partition that has had no record knows the schema of keys by the others of its topic: by another
 * schema than its own a row may stand in two of them, whichever of them is applied first.
 */
export function otherKeySchema(
  topic: string,
  than: number,
  checkpoints: ReadonlyMap<string, Checkpoint>,
): number | undefined {
  const ofTopic = [...checkpoints].filter(([name]) => parseTopicPartition(name).topic === topic)
  return ofTopic.map(([, { keySchema }]) => keySchema).find((each) => (each ?? than) !== than)
}
