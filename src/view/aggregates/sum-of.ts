import type { TypedColumn } from '../../types/declare.ts'
import {
  decimalText,
  faultsOfAdded,
  type AggregateDeclaration,
  type AggregateForm,
  type RowsDeclaration,
} from './aggregate.ts'

export type SumDeclaration = RowsDeclaration & {
  /** `integer('quantity')`, `numeric('price')`. */
  readonly of: TypedColumn
  /** Decimal digits behind the point of a numeric column at most: 2 of `numeric(10, 2)`. */
  readonly scale?: number
}

/**
 * The sum of a column, exact: `coalesce(sum(of), 0)`. A string in JSON, for 64 bits don't fit into a
 * JavaScript number.
 *
 *     sumOf('orders', { of: numeric('total'), scale: 2, by: 'shop_id' })
 */
export function sumOf(table: string, { scale = 0, ...rows }: SumDeclaration): AggregateDeclaration {
  return { ...rows, kind: 'sum', table, scale, digits: scale }
}

export const sum: AggregateForm = {
  counts: ({ of, scale }) => [{ end: '', adds: { kind: 'sum', ...of!, scale } }],
  faults: faultsOfAdded,
  json: ({ digits }, [number]) => decimalText(number!, digits),
  schema: ({ digits }) => ({
    type: 'string',
    pattern: digits === 0 ? '^-?[0-9]+$' : `^-?[0-9]+\\.[0-9]{${digits}}$`,
  }),
}
