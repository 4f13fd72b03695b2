import type { AggregateDeclaration, AggregateForm } from './aggregate.ts'
import { extremeJson, extremeOf, schemaOfExtreme, type ExtremeDeclaration } from './ordered-rows.ts'

/**
 * The least value of a column: `min(of)`, null where there is none. In JSON as the column's type
 * is; a numeric one has the digits of `scale`.
 *
 *     minOf('offers', { of: numeric('price'), scale: 2, key: bigint('offer_id'), by: 'product_id' })
 */
export function minOf(table: string, declared: ExtremeDeclaration): AggregateDeclaration {
  return extremeOf(table, declared, { kind: 'min', builder: 'minOf', order: 'first' })
}

export const min: AggregateForm = {
  json: (shown, { items }) => extremeJson(shown, items),
  schema: schemaOfExtreme,
}
