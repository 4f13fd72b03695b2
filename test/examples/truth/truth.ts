/**
 * What HTTP has to answer, in plain SQL over the tables of the examples, with names of JSON written out
 * by hand: no code of Millrace or of an example's configuration is asked.
 */
import type { Client } from 'pg'

/** By path, the answer. */
export type Truth = ReadonlyMap<string, unknown>

/** Rows of `path` and `body`, as JSON. */
export async function answersOf(client: Client, sql: string): Promise<Truth> {
  const { rows } = await client.query<{ path: string; body: unknown }>(sql)
  return new Map(rows.map(({ path, body }) => [path, body]))
}

/** SQL of a moment's text in JSON. */
export function moment(column: string): string {
  return `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
}

/** SQL of an array's elements in this order; an empty array where there are none. */
export function list(element: string, from: string, order: string): string {
  return `(select coalesce(json_agg(${element} order by ${order}), '[]'::json) from (${from}) listed)`
}
