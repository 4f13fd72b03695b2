import { parseKafkaOffset, type TopicPartition } from '../../position.ts'
import { limits } from '../limits.ts'
import type { ParkedRecord } from '../state.ts'
import type { PostgresConnection, SqlRow, Transaction } from './connection.ts'
import { storableText } from './state.ts'

/**
 * Keeps up to `limits.parkedMax` records of the view and counts the others. Takes the lock of the
 * view's row, so that two who park at once don't keep more.
 */
export async function keepParked(
  transaction: Transaction,
  view: string,
  partition: TopicPartition,
  records: readonly ParkedRecord[],
): Promise<void> {
  await transaction.query(lockText, [view])
  const counted = await transaction.query(
    'select count(*) as kept from millrace.parked where view = $1',
    [view],
  )
  let kept = Number(counted.rows[0]!.kept)
  let beyond = 0
  for (const record of records) {
    if (kept >= limits.parkedMax) {
      beyond += 1
      continue
    }
    const values = [view, partition.topic, partition.partition, ...recordValues(record)]
    const { rows } = await transaction.query(parkText, values)
    if (rows[0]!.added) kept += 1
  }
  if (beyond > 0) {
    const text = 'update millrace.views set parked_beyond = parked_beyond + $2 where view = $1'
    await transaction.query(text, [view, beyond])
  }
}

/** By topic, partition and offset. */
export async function* readParked(
  connection: PostgresConnection,
  view: string,
): AsyncIterable<ParkedRecord> {
  let after: readonly unknown[] = ['', -1, -1]
  for (;;) {
    const { rows } = await connection.query(pageText, [view, ...after])
    if (rows.length === 0) return
    for (const row of rows) yield parseParked(row)
    const { topic, partition, record_offset: offset } = rows.at(-1)!
    after = [topic, partition, offset]
  }
}

/** How many there were, those among them that were not kept. */
export async function clearParked(connection: PostgresConnection, view: string): Promise<number> {
  const cleared = await connection.transaction([], async (transaction) => {
    const { rows } = await transaction.query(lockText, [view])
    const text = 'delete from millrace.parked where view = $1'
    const { rowCount } = await transaction.query(text, [view])
    await transaction.query('update millrace.views set parked_beyond = 0 where view = $1', [view])
    return Number(rows[0]?.parked_beyond ?? 0) + (rowCount ?? 0)
  })
  return cleared!
}

const lockText = 'select parked_beyond from millrace.views where view = $1 for no key update'

const parkText = `insert into millrace.parked (view, topic, partition, record_offset,
    timestamp_ms, parked_at_ms, key, value, reason)
  values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
  on conflict (view, topic, partition, record_offset) do update set
    timestamp_ms = excluded.timestamp_ms, parked_at_ms = excluded.parked_at_ms,
    key = excluded.key, value = excluded.value, reason = excluded.reason
  returning xmax = 0 as added`

const pageText = `select topic, partition, record_offset, timestamp_ms, parked_at_ms, key, value,
    reason
  from millrace.parked where view = $1
    and (topic collate "C", partition, record_offset) > ($2::text, $3::integer, $4::bigint)
  order by topic collate "C", partition, record_offset limit ${limits.parkedPageRecords}`

function recordValues({ offset, timestampMs, parkedAtMs, key, value, reason }: ParkedRecord) {
  const bytes = (part: Uint8Array | null) => part && Buffer.from(part)
  return [offset, timestampMs, parkedAtMs, bytes(key), bytes(value), storableText(reason)]
}

function parseParked(row: SqlRow): ParkedRecord {
  const bytes = (value: unknown) => (value === null ? null : new Uint8Array(value as Buffer))
  return {
    partition: { topic: row.topic as string, partition: row.partition as number },
    offset: parseKafkaOffset(row.record_offset as string),
    timestampMs: Number(row.timestamp_ms),
    parkedAtMs: Number(row.parked_at_ms),
    key: bytes(row.key),
    value: bytes(row.value),
    reason: row.reason as string,
  }
}
