import {
  unknownFaults,
  type AggregateDeclaration,
  type AggregateForm,
  type RowsDeclaration,
} from './aggregate.ts'
import { countedJson, countedSchema, readItem, type Item } from './counted-items.ts'

export type CountsDeclaration = RowsDeclaration & {
  /** `'state'`, `smallint('stars')`, or with names `{ state: enumeration('state') }`. */
  readonly item: Item
}

/**
 * Every item with how many rows it has: `select item, count(*) … group by item order by count(*)
 * desc, item::text collate "C"`. Rows whose item is null give nothing. Readers get all of them, so
 * it is meant for columns of few values. In JSON `[{ state, count }]`.
 *
 *     countsOf('orders', { item: { state: enumeration('state') }, by: 'customer_id' })
 */
export function countsOf(table: string, declared: CountsDeclaration): AggregateDeclaration {
  const { by, where = [] } = declared
  const { item, parts, faults } = readItem(declared.item)
  const slice = { order: 'largest', most: undefined } as const
  return {
    kind: 'counts',
    table,
    by,
    where,
    keeps: { counts: [], item },
    shows: { scale: 0, digits: 0, slice, parts },
    faults: [...unknownFaults('countsOf', declared, ['item', 'by', 'where']), ...faults],
  }
}

export const counts: AggregateForm = {
  json: (shown, { items }) => countedJson(shown, items),
  schema: countedSchema,
}
