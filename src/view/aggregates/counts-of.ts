import type { LookedFields } from '../lookup.ts'
import type { AggregateDeclaration, AggregateForm } from './aggregate.ts'
import {
  countedJson,
  countedOf,
  countedSchema,
  type CountedDeclaration,
  type CountedJson,
  type Item,
} from './counted-items.ts'

/**
 * Every item with how many rows it has: `select item, count(*) … and item is not null group by item
 * order by count(*) desc, item::text collate "C"`, in the order of `topOf`. Readers get all of them,
 * so it is meant for columns of few values. In JSON `[{ state, count }]`, with what is looked up behind.
 *
 *     countsOf('orders', { item: { state: enumeration('state') }, by: 'customer_id' })
 */
export function countsOf<const Named extends Item, const Fields extends LookedFields = {}>(
  table: string,
  declared: CountedDeclaration<Named, Fields>,
): AggregateDeclaration<CountedJson<Named, Fields>> {
  return countedOf(table, declared, {
    kind: 'counts',
    builder: 'countsOf',
    properties: ['item', 'by', 'where', 'lookup'],
    most: undefined,
    faults: [],
  })
}

export const counts: AggregateForm = {
  json: countedJson,
  schema: countedSchema,
}
