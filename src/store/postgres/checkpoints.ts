import { parseKafkaOffset, parseTopicPartition, topicPartitionName } from '../../position.ts'
import type { Checkpoint, Offsets } from '../state.ts'
import type { SqlRow, Transaction } from './connection.ts'

/** Columns of the alias `c`. Offsets come as text, for they may come in JSON. */
export const checkpointsSql = `c.topic, c.partition, c.next::text, c.last_offset::text,
  c.last_hash, c.window_from::text, c.key_schema`

/** From rows that have `checkpointsSql`. */
export function parseCheckpoints(rows: readonly SqlRow[]): Map<string, Checkpoint> {
  return new Map(rows.map(parseCheckpoint))
}

/** Values of next, last_offset, last_hash, window_from and key_schema. */
export function checkpointValues(to: Checkpoint): readonly (bigint | string | number | null)[] {
  return [
    to.next,
    to.last?.offset ?? null,
    to.last?.hash ?? null,
    to.windowFrom,
    to.keySchema ?? null,
  ]
}

/** In place of those that the view has. */
export async function replaceCheckpoints(
  transaction: Transaction,
  view: string,
  checkpoints: ReadonlyMap<string, Checkpoint>,
): Promise<void> {
  await transaction.query('delete from millrace.checkpoints where view = $1', [view])
  const places = [...checkpoints.keys()].map(parseTopicPartition)
  const values = [...checkpoints.values()].map(checkpointValues)
  await transaction.query(
    `insert into millrace.checkpoints
       (view, topic, partition, next, last_offset, last_hash, window_from, key_schema)
     select $1, * from unnest($2::text[], $3::integer[], $4::bigint[], $5::bigint[], $6::text[],
       $7::bigint[], $8::integer[])`,
    [
      view,
      places.map(({ topic }) => topic),
      places.map(({ partition }) => partition),
      ...[0, 1, 2, 3, 4].map((column) => values.map((row) => row[column])),
    ],
  )
}

/** Offsets by partition as JSON, each as text. */
export function offsetsJson(offsets: Offsets): string {
  return JSON.stringify(
    Object.fromEntries([...offsets].map(([name, offset]) => [name, String(offset)])),
  )
}

function parseCheckpoint(row: SqlRow): readonly [name: string, checkpoint: Checkpoint] {
  const offset = (column: string) => parseKafkaOffset(row[column] as string)
  const partition = { topic: row.topic as string, partition: row.partition as number }
  const checkpoint = {
    next: offset('next'),
    last:
      row.last_offset === null
        ? undefined
        : { offset: offset('last_offset'), hash: row.last_hash as string },
    windowFrom: offset('window_from'),
    keySchema: (row.key_schema as number | null) ?? undefined,
  }
  return [topicPartitionName(partition), checkpoint]
}
