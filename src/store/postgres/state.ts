/** The view's row in `millrace.views` and what hangs on it, as the contracts say them. */
import { parseLsn } from '../../position.ts'
import {
  decodeBarrier,
  decodeDeclarations,
  decodeDoubt,
  decodeProblem,
  decodeTopics,
} from '../codec.ts'
import { refuseOtherFormat } from '../epoch.ts'
import type { StoreStatus } from '../reader.ts'
import type { Epoch, StandingDoubt, ViewState } from '../state.ts'
import { statement, type PostgresConnection, type SqlRow } from './connection.ts'

/** Milliseconds since everything before the watermark was committed, by the database's clock. */
export const ageMsSql = `case when v.watermark_at is not null then greatest(0,
  extract(epoch from clock_timestamp() - v.watermark_at) * 1000)::double precision end`

const statusText = statement(
  'status',
  `select v.epoch, v.instance, v.format, v.declarations::text, v.topics::text, v.watermark::text,
     v.barrier::text, v.fingerprint, v.pass, v.keep_from::float8, ${ageMsSql} as age_ms,
     (select json_agg(d order by d.raised) from millrace.doubts d where d.view = v.view) as doubts,
     (select count(*) from millrace.parked p where p.view = asked.view)
       + coalesce(v.parked_beyond, 0) as parked,
     (select json_object_agg(p.place, p.problem)
      from millrace.problems p where p.view = asked.view) as problems
   from (select $1::text as view) asked left join millrace.views v using (view)`,
)

export async function readStatus(
  connection: PostgresConnection,
  view: string,
): Promise<StoreStatus> {
  const { rows } = await connection.query(statusText, [view])
  const row = rows[0]!
  const problems = Object.entries((row.problems ?? {}) as Record<string, unknown>).map(
    ([name, problem]) =>
      [name, decodeProblem(JSON.stringify(problem), 'millrace.problems')] as const,
  )
  return {
    state: row.epoch === null ? undefined : parseState(row),
    ageMs: (row.age_ms as number | null) ?? undefined,
    parked: Number(row.parked),
    problems: new Map(problems),
    evicted: 0,
  }
}

/**
 * JSON that `jsonb` takes: Postgres holds any character but NUL, and no half of a surrogate pair,
 * such as text is left with that was cut at a number of characters.
 */
export function storableJson(json: string): string {
  return JSON.stringify(JSON.parse(json), (_key, value: unknown) =>
    typeof value === 'string' ? storableText(value) : value,
  )
}

export function storableText(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD')
}

function parseState(row: SqlRow): ViewState {
  const where = 'millrace.views'
  refuseOtherFormat(row.format, where)
  return {
    epoch: row.epoch as Epoch,
    instance: (row.instance as string | null) ?? undefined,
    declarations: decodeDeclarations(row.declarations as string, where),
    topics: decodeTopics(row.topics as string, where),
    watermark: row.watermark === null ? undefined : parseLsn(row.watermark as string),
    barrier: row.barrier === null ? undefined : decodeBarrier(row.barrier as string, where),
    fingerprint: (row.fingerprint as string | null) ?? undefined,
    doubts: ((row.doubts ?? []) as readonly SqlRow[]).map(parseDoubt),
    keepFrom: (row.keep_from as number | null) ?? undefined,
    pass: (row.pass as string | null) ?? undefined,
  }
}

function parseDoubt({ id, since_ms: sinceMs, doubt }: SqlRow): StandingDoubt {
  const given = { id: id as string, sinceMs: sinceMs as number }
  return decodeDoubt(JSON.stringify(doubt), given, 'millrace.doubts')
}
