import { parseTopicPartition } from '../position.ts'
import type { Checkpoint } from '../store/state.ts'

/**
 * A partition that has no record yet knows the schema of keys by the others of its topic: by another
 * schema a row may stand in two of them, whichever of them is applied first.
 */
export function withKeySchema(
  name: string,
  checkpoints: ReadonlyMap<string, Checkpoint>,
): Checkpoint | undefined {
  const found = checkpoints.get(name)
  if (!found || found.keySchema !== undefined) return found
  const { topic } = parseTopicPartition(name)
  const others = [...checkpoints].filter(([other]) => parseTopicPartition(other).topic === topic)
  const schemas = others.flatMap(([, { keySchema }]) => keySchema ?? [])
  return schemas.length === 0 ? found : { ...found, keySchema: Math.min(...schemas) }
}
