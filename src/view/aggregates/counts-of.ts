import type { ItemLookup, LookedFields } from '../lookup.ts'
import {
  lackingOf,
  unknownFaults,
  type AggregateDeclaration,
  type AggregateForm,
  type RowsDeclaration,
} from './aggregate.ts'
import {
  countedJson,
  countedSchema,
  faultsOfItemLookup,
  readItem,
  type CountedJson,
  type Item,
} from './counted-items.ts'

export type CountsDeclaration<
  Named extends Item = Item,
  Fields extends LookedFields = LookedFields,
> = RowsDeclaration & {
  /** `'state'`, `smallint('stars')`, or with names `{ state: enumeration('state') }`. */
  readonly item: Named
  /** What readers see of the entries of another view whose keys the items are. */
  readonly lookup?: ItemLookup<Fields>
}

/**
 * Every item with how many rows it has: `select item, count(*) … group by item order by count(*)
 * desc, item::text collate "C"`. Rows whose item is null give nothing. Readers get all of them, so
 * it is meant for columns of few values. In JSON `[{ state, count }]`, with what is looked up behind.
 *
 *     countsOf('orders', { item: { state: enumeration('state') }, by: 'customer_id' })
 */
export function countsOf<const Named extends Item, const Fields extends LookedFields = {}>(
  table: string,
  declared: CountsDeclaration<Named, Fields>,
): AggregateDeclaration<CountedJson<Named, Fields>> {
  const lacks = lackingOf('countsOf', declared, ['item', 'by'])
  if (lacks) return lacks
  const { by, where = [], lookup } = declared
  const { item, parts, faults } = readItem(declared.item)
  const slice = { order: 'largest', most: undefined } as const
  return {
    kind: 'counts',
    table,
    by,
    where,
    keeps: { counts: [], item },
    shows: { scale: 0, digits: 0, slice, parts },
    lookup,
    faults: [
      ...unknownFaults('countsOf', declared, ['item', 'by', 'where', 'lookup']),
      ...faults,
      ...faultsOfItemLookup(lookup, parts),
    ],
  }
}

export const counts: AggregateForm = {
  json: countedJson,
  schema: countedSchema,
}
