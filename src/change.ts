/**
 * The words of the source side.
 *
 *   row       a row of a source table, projected to the columns that the view needs
 *   change    what happened to one row: insert, update, delete, or read (a row of a snapshot)
 *   identity  (table, primary key, LSN, op): what makes a streamed change the same change when
 *             a source connector emits it again at another offset
 */
import type { KafkaOffset, Lsn } from './position.ts'

/** A column's value: integers are bigint, all else is the canonical text of its type. */
export type Value = bigint | string | null

/** Column name to value: only the columns that the view needs, each always present. */
export type Row = Readonly<Record<string, Value>>

type Common = {
  /** Source table as `canonicalTable` spells it: `users`, `sales.orders`. */
  readonly table: string
  /** The record's whole primary key, whether the view needs its columns or not. */
  readonly key: Row
  readonly lsn: Lsn
}

type Streamed = Common & {
  /** The lower 32 bits of the id of the transaction that made the change. */
  readonly transaction: number
}

/**
 * One change of one row. `before` holds the columns that a retract needs, and is undefined where
 * the replica identity did not give them. A `read` is a row of a connector's snapshot.
 */
export type Change =
  | (Streamed & { readonly kind: 'insert'; readonly after: Row })
  | (Streamed & { readonly kind: 'update'; readonly before: Row | undefined; readonly after: Row })
  | (Streamed & { readonly kind: 'delete'; readonly before: Row | undefined })
  | (Common & {
      readonly kind: 'read'
      readonly after: Row
      /** Of a snapshot that is taken while changes go on being captured: it misses nothing. */
      readonly incremental: boolean
    })

/** A change that a fold can compute contributions from: any but a snapshot's row. */
export type StreamedChange = Exclude<Change, { readonly kind: 'read' }>

/** One record as it stands in the log. Bytes are kept until the decoder has understood them. */
export type LogRecord = {
  readonly offset: KafkaOffset
  /** The log's time of the record, milliseconds since 1970. */
  readonly timestampMs: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  /** Whether it was written in a transaction of Kafka's. Left out, it was not. */
  readonly inTransaction?: boolean
}

/** What the decoder makes of one record. */
export type Decoded =
  | { readonly kind: 'change'; readonly change: Change }
  /** A key without a value: what compaction leaves of a deleted row. */
  | { readonly kind: 'tombstone' }
  /** Never to be understood: kept aside, the rest flows. */
  | { readonly kind: 'undecodable'; readonly reason: string }
  /** Understood, and not enough to apply. */
  | {
      readonly kind: 'unusable'
      readonly reason: string
      /** As of a streamed change; undefined where the record does not tell. */
      readonly transaction: number | undefined
    }

/** Text that names a streamed change within its topic partition. */
export function identityOf(change: StreamedChange): string {
  const key = Object.values(change.key).map((value) => JSON.stringify(String(value)))
  return `${change.kind[0]}${change.lsn.toString(36)}:${key.join(',')}`
}
