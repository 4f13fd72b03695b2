import { literal } from '../view/sql-text.ts'

/** Debezium hands on messages by this prefix in topic `{prefix}.message`. */
export const markerPrefix = 'millrace'

/** Of the transaction that it is part of. Its value is the LSN. */
export function markerSql(text: string): string {
  return `pg_logical_emit_message(true, ${literal(markerPrefix)}, ${literal(text)})::text`
}

/**
 * Begins a transaction that is durable once its commit is answered for, also on the standbys that
 * are waited for, and with it all that was visible before.
 */
export const beginDurably = begin('on')

/** One whose survival nobody relies on: it waits for no standby. */
export const beginLocally = begin('local')

function begin(synchronous: 'on' | 'local'): readonly string[] {
  return ['begin isolation level read committed', `set local synchronous_commit = ${synchronous}`]
}
