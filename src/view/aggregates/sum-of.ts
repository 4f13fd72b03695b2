import type { TypedColumn } from '../../types/declare.ts'
import { decimalText } from '../../types/numeric.ts'
import {
  faultsOfAdded,
  lackingOf,
  unknownFaults,
  type AggregateDeclaration,
  type AggregateForm,
  type RowsDeclaration,
} from './aggregate.ts'
import { typedColumn } from './columns.ts'

export type SumDeclaration = RowsDeclaration & {
  /** `integer('quantity')`, `numeric('price')`. */
  readonly of: TypedColumn
  /** Decimal digits behind the point of a numeric column at most: 2 of `numeric(10, 2)`. */
  readonly scale?: number
}

/**
 * The sum of a column, exact: `coalesce(sum(of), 0)`, of a numeric one with `scale` digits behind the
 * point. A string in JSON, for 64 bits don't fit into a JavaScript number.
 *
 *     sumOf('orders', { of: numeric('total'), scale: 2, by: 'shop_id' })
 */
export function sumOf(table: string, declared: SumDeclaration): AggregateDeclaration<string> {
  const lacks = lackingOf('sumOf', declared, ['of', 'by'])
  if (lacks) return lacks
  const { scale = 0, by, where = [] } = declared
  const of = typedColumn(declared.of)
  const shows = { scale, digits: scale }
  const keeps = { counts: [{ end: '', adds: { kind: 'sum', ...of, scale } }] } as const
  const faults = [
    ...unknownFaults('sumOf', declared, ['of', 'scale', 'by', 'where']),
    ...faultsOfAdded(of, shows),
  ]
  return { kind: 'sum', table, by, where, keeps, shows, faults }
}

export const sum: AggregateForm = {
  json: ({ aggregate: { digits } }, { numbers: [number] }) => decimalText(number!, digits),
  schema: ({ aggregate: { digits } }) => ({
    type: 'string',
    pattern: digits === 0 ? '^-?[0-9]+$' : `^-?[0-9]+\\.[0-9]{${digits}}$`,
  }),
}
