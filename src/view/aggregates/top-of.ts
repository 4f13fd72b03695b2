import type { LookedFields } from '../lookup.ts'
import type { AggregateDeclaration, AggregateForm } from './aggregate.ts'
import {
  countedJson,
  countedOf,
  countedSchema,
  faultsOfMost,
  type CountedDeclaration,
  type CountedJson,
  type Item,
} from './counted-items.ts'

export type TopDeclaration<
  Named extends Item = Item,
  Fields extends LookedFields = LookedFields,
> = CountedDeclaration<Named, Fields> & {
  /** How many items readers get at most. */
  readonly most: number
}

/**
 * The items with the most rows, with how many they have: `select item, count(*) … and item is not null
 * group by item order by count(*) desc, item::text collate "C" limit most`, where the text of a date
 * before the year 1 or beyond 9999 is that of JSON. Of several columns none is null, and they are
 * ordered by all of them, `eu:42`. In JSON `[{ artistId, count }]`, with the fields that are looked up
 * behind.
 *
 *     topOf('listens', { item: { artistId: bigint('artist_id') }, most: 10, by: 'user_id' })
 */
export function topOf<const Named extends Item, const Fields extends LookedFields = {}>(
  table: string,
  declared: TopDeclaration<Named, Fields>,
): AggregateDeclaration<CountedJson<Named, Fields>> {
  return countedOf(table, declared, {
    kind: 'top',
    builder: 'topOf',
    properties: ['item', 'most', 'by', 'where', 'lookup'],
    most: declared?.most,
    faults: faultsOfMost(declared?.most),
  })
}

export const top: AggregateForm = {
  json: countedJson,
  schema: countedSchema,
}
