/**
 * The words of the source side.
 *
 *   row       a row of a source table, projected to the columns that the view needs
 *   change    what happened to one row: insert, update, delete, or read (a row of a snapshot)
 *   identity  (table, primary key, LSN, op): what makes a streamed change the same change when
 *             a source connector emits it again at another offset
 */
import type { KafkaOffset, Lsn } from './position.ts'

/** A column's value. 64-bit integers are bigint; timestamps are canonical text (`ColumnType`). */
export type Value = bigint | string | null

/** Column name to value: only the columns that the view needs, each always present. */
export type Row = Readonly<Record<string, Value>>

/**
 * What a column may hold, as far as a view can show it.
 * - `bigint`: smallint, integer and bigint, exact, as bigint.
 * - `text`: text and varchar, as string.
 * - `timestamptz`: as `2026-11-21T10:18:00.123456Z`, always UTC with six digits.
 */
export type ColumnType = 'bigint' | 'text' | 'timestamptz'

/**
 * What the connector is told to write for a long text that did not change and that the log does
 * not hold. Postgres text can't hold a NUL, so no user can write this; Debezium's own placeholder
 * is ordinary text, which anybody could put in a profile.
 */
export const unavailableValue = 'unavailable\0value'

type Common = {
  /** Source table without its schema: `users`. */
  readonly table: string
  /** The record's whole primary key, whether the view needs its columns or not. */
  readonly key: Row
  readonly lsn: Lsn
}

/**
 * One change of one row. `before` holds the columns that a retract needs, and is undefined where
 * the replica identity did not give them.
 */
export type Change =
  | (Common & { readonly kind: 'insert'; readonly after: Row })
  | (Common & { readonly kind: 'read'; readonly after: Row })
  | (Common & { readonly kind: 'update'; readonly before: Row | undefined; readonly after: Row })
  | (Common & { readonly kind: 'delete'; readonly before: Row | undefined })

/** One record as it stands in the log. Bytes are kept until the decoder has understood them. */
export type LogRecord = {
  readonly offset: KafkaOffset
  /** Log append time, milliseconds since 1970. */
  readonly timestampMs: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
}

/** What the decoder makes of one record. */
export type Decoded =
  | { readonly kind: 'change'; readonly change: Change }
  /** A key without a value: what compaction leaves of a deleted row. */
  | { readonly kind: 'tombstone' }
  /** Never to be understood: kept aside, the rest flows. */
  | { readonly kind: 'undecodable'; readonly reason: string }
  /** Understood, and not enough to apply: the view must be rebuilt. */
  | { readonly kind: 'unusable'; readonly reason: string; readonly lsn: Lsn }

/** Text that names a streamed change within its topic partition. Snapshot reads have none. */
export function identityOf(change: Change): string | undefined {
  if (change.kind === 'read') return undefined
  const key = Object.values(change.key).map((value) => JSON.stringify(String(value)))
  return `${change.kind[0]}${change.lsn.toString(36)}:${key.join(',')}`
}
