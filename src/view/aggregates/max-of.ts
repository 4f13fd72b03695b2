import type { AggregateDeclaration, AggregateForm } from './aggregate.ts'
import { extremeJson, extremeOf, schemaOfExtreme, type ExtremeDeclaration } from './ordered-rows.ts'

/**
 * The greatest value of a column: `max(of)`, null where there is none. In JSON as the column's type
 * is; a numeric one has the digits of `scale`.
 *
 *     maxOf('offers', { of: numeric('price'), scale: 2, key: bigint('offer_id'), by: 'product_id' })
 */
export function maxOf(table: string, declared: ExtremeDeclaration): AggregateDeclaration {
  return extremeOf(table, declared, { kind: 'max', builder: 'maxOf', order: 'last' })
}

export const max: AggregateForm = {
  json: (shown, { items }) => extremeJson(shown, items),
  schema: schemaOfExtreme,
}
