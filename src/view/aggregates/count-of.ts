import type { AggregateDeclaration, AggregateForm, RowsDeclaration } from './aggregate.ts'

/**
 * How many rows of `table` there are: `count(*)`.
 *
 *     countOf('tweets', { by: 'user_id', where: [isNull(timestamptz('deleted_at'))] })
 */
export function countOf(table: string, rows: RowsDeclaration): AggregateDeclaration {
  return { ...rows, kind: 'count', table, of: undefined, scale: 0, digits: 0 }
}

export const count: AggregateForm = {
  counts: () => [{ end: '', adds: { kind: 'row' } }],
  faults: () => [],
  // Rows beyond 2^53 can't be counted. Below zero is a fault that was noticed elsewhere.
  json: (_, [rows]) => Math.max(0, Number(rows)),
  schema: () => ({ type: 'integer', minimum: 0 }),
}
