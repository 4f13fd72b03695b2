import {
  lackingOf,
  unknownFaults,
  type AggregateDeclaration,
  type AggregateForm,
  type RowsDeclaration,
} from './aggregate.ts'

/**
 * How many rows of `table` there are: `count(*)`.
 *
 *     countOf('tweets', { by: 'user_id', where: [isNull(timestamptz('deleted_at'))] })
 */
export function countOf(table: string, declared: RowsDeclaration): AggregateDeclaration<number> {
  const lacks = lackingOf('countOf', declared, ['by'])
  if (lacks) return lacks
  const { by, where = [] } = declared
  const keeps = { counts: [{ end: '', adds: { kind: 'row' } }] } as const
  const faults = unknownFaults('countOf', declared, ['by', 'where'])
  return { kind: 'count', table, by, where, keeps, shows: { scale: 0, digits: 0 }, faults }
}

export const count: AggregateForm = {
  // Rows beyond 2^53 can't be counted. Below zero is a fault that was noticed elsewhere.
  json: (_, { numbers: [rows] }) => Math.max(0, Number(rows)),
  schema: () => ({ type: 'integer', minimum: 0 }),
}
