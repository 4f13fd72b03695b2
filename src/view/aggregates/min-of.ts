import type { ColumnType } from '../../types/types.ts'
import type { JsonOf } from '../json-types.ts'
import type { AggregateDeclaration, AggregateForm } from './aggregate.ts'
import { extremeJson, extremeOf, schemaOfExtreme, type ExtremeDeclaration } from './ordered-rows.ts'

/**
 * The least value of a column, null where there is none: `select of … and of is not null order by of
 * limit 1`, as `min(of)` is for types that have one. In JSON as the column's type is; a numeric one has
 * the digits of `scale`.
 *
 *     minOf('offers', { of: numeric('price'), scale: 2, key: bigint('offer_id'), by: 'product_id' })
 */
export function minOf<const Type extends ColumnType>(
  table: string,
  declared: ExtremeDeclaration<Type>,
): AggregateDeclaration<JsonOf<Type> | null> {
  return extremeOf(table, declared, { kind: 'min', builder: 'minOf', order: 'first' })
}

export const min: AggregateForm = {
  json: (shown, { items }) => extremeJson(shown, items),
  schema: schemaOfExtreme,
}
