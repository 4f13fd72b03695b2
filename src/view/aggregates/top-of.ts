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
  faultsOfMost,
  readItem,
  type CountedJson,
  type Item,
} from './counted-items.ts'

export type TopDeclaration<
  Named extends Item = Item,
  Fields extends LookedFields = LookedFields,
> = RowsDeclaration & {
  /** `'genre'`, `bigint('artist_id')`, or with names `{ artistId: bigint('artist_id') }`. */
  readonly item: Named
  /** How many items readers get at most. */
  readonly most: number
  /** What readers see of the entries of another view whose keys the items are. */
  readonly lookup?: ItemLookup<Fields>
}

/**
 * The items with the most rows, with how many they have: `select item, count(*) … group by item
 * order by count(*) desc, item::text collate "C" limit most`. Rows whose item is null give nothing.
 * In JSON `[{ artistId, count }]`, with the fields that are looked up behind.
 *
 *     topOf('listens', { item: { artistId: bigint('artist_id') }, most: 10, by: 'user_id' })
 */
export function topOf<const Named extends Item, const Fields extends LookedFields = {}>(
  table: string,
  declared: TopDeclaration<Named, Fields>,
): AggregateDeclaration<CountedJson<Named, Fields>> {
  const lacks = lackingOf('topOf', declared, ['item', 'by'])
  if (lacks) return lacks
  const { most, by, where = [], lookup } = declared
  const { item, parts, faults } = readItem(declared.item)
  const slice = { order: 'largest', most } as const
  return {
    kind: 'top',
    table,
    by,
    where,
    keeps: { counts: [], item },
    shows: { scale: 0, digits: 0, slice, parts },
    lookup,
    faults: [
      ...unknownFaults('topOf', declared, ['item', 'most', 'by', 'where', 'lookup']),
      ...faults,
      ...faultsOfMost(most),
      ...faultsOfItemLookup(lookup, parts),
    ],
  }
}

export const top: AggregateForm = {
  json: countedJson,
  schema: countedSchema,
}
