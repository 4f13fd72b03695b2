import { parseLsn } from '../position.ts'
import { parseSnapshot } from '../transaction.ts'
import type { Moment } from './source.ts'

type Seen = Omit<Moment, 'setup'>

/**
 * What `readMoment` takes, as the first columns of a select. On a standby they are an error: there
 * neither the end of the log nor the timeline can be asked for so.
 */
export const momentColumns = `pg_current_wal_insert_lsn()::text,
  pg_walfile_name(pg_current_wal_insert_lsn()),
  pg_current_snapshot()::text, (select system_identifier::text from pg_control_system()),
  (extract(epoch from clock_timestamp()) * 1000)::float8`

export function readMoment(row: readonly unknown[]): Seen {
  const [end, segment, snapshot, system, nowMs] = row as [string, string, string, string, number]
  return {
    lsn: parseLsn(end),
    snapshot: parseSnapshot(snapshot),
    // The name of a segment begins with the timeline, in eight hexadecimal digits.
    history: `${system}/${parseInt(segment.slice(0, 8), 16)}`,
    nowMs: Math.floor(nowMs),
  }
}
