import { parseKafkaOffset, parseLsn, topicPartitionName } from '../../position.ts'
import { decodeBarrier, decodeMark, decodeProblem, decodeTopics } from '../codec.ts'
import { refuseNewer } from '../generation.ts'
import type { Barrier, Checkpoint, Generation, GenerationId, Phase, StoreStatus } from '../store.ts'
import type { PostgresConnection, SqlRow } from './connection.ts'

const generationText = `select v.generation, v.number, v.phase, v.topics::text, v.watermark::text,
  v.mark::text, v.barrier->>'lsn' as lsn, v.barrier->>'takenAtMs' as taken_at_ms,
  v.barrier->>'from' as from_offsets, v.barrier->>'ends' as end_offsets
  from millrace.views v where v.view = $1`

export async function readGeneration(
  connection: PostgresConnection,
  view: string,
): Promise<Generation | undefined> {
  const { rows } = await connection.query({ name: 'generation', text: generationText }, [view])
  return rows[0] && parseGeneration(rows[0])
}

export async function readStatus(
  connection: PostgresConnection,
  view: string,
): Promise<StoreStatus> {
  const books = await connection.query(
    `select (select count(*) from millrace.parked where view = $1) as parked,
       (select coalesce(jsonb_object_agg(topic || '/' || partition, problem), '{}')
        from millrace.problems where view = $1) as problems`,
    [view],
  )
  const { parked, problems } = books.rows[0]!
  const stops = Object.entries(problems as Record<string, unknown>).map(
    ([name, problem]) =>
      [name, decodeProblem(JSON.stringify(problem), 'millrace.problems')] as const,
  )
  const generation = await readGeneration(connection, view)
  return { generation, parked: Number(parked), problems: new Map(stops) }
}

/** Values of a checkpoint's columns after its place, in the order of the table. */
export function checkpointValues(to: Checkpoint): readonly unknown[] {
  return [
    to.phase,
    to.poured,
    to.next,
    to.last?.offset ?? null,
    to.last?.hash ?? null,
    to.windowFrom,
    to.windowAtMs,
    to.atMs,
    to.keySchema ?? null,
  ]
}

export function parseCheckpoint(row: SqlRow): readonly [name: string, checkpoint: Checkpoint] {
  const offset = (column: string) => parseKafkaOffset(String(row[column]))
  const last =
    row.last_offset === null
      ? undefined
      : { offset: offset('last_offset'), hash: row.last_hash as string }
  const name = topicPartitionName({
    topic: row.topic as string,
    partition: row.partition as number,
  })
  return [
    name,
    {
      phase: row.phase as Checkpoint['phase'],
      poured: row.poured as number,
      next: offset('next'),
      last,
      windowFrom: offset('window_from'),
      windowAtMs: Number(row.window_at_ms),
      atMs: Number(row.at_ms),
      keySchema: (row.key_schema as number | null) ?? undefined,
    },
  ]
}

function parseGeneration(row: SqlRow): Generation {
  refuseNewer(row.number, 'millrace.views')
  return {
    id: row.generation as GenerationId,
    number: row.number as number,
    phase: row.phase as Phase,
    topics: decodeTopics(row.topics as string, 'millrace.views'),
    watermark: row.watermark === null ? undefined : parseLsn(row.watermark as string),
    barrier: row.lsn === null ? undefined : parseBarrier(row),
    mark: row.mark === null ? undefined : decodeMark(row.mark as string, 'millrace.views'),
  }
}

function parseBarrier(row: SqlRow): Barrier {
  const parts = {
    lsn: row.lsn as string,
    takenAtMs: row.taken_at_ms as string,
    from: row.from_offsets as string,
    ends: row.end_offsets as string,
  }
  return decodeBarrier(parts, 'millrace.views')
}
