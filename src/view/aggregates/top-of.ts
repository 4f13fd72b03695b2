import {
  unknownFaults,
  type AggregateDeclaration,
  type AggregateForm,
  type RowsDeclaration,
} from './aggregate.ts'
import { countedJson, countedSchema, faultsOfMost, readItem, type Item } from './counted-items.ts'

export type TopDeclaration = RowsDeclaration & {
  /** `'genre'`, `bigint('artist_id')`, or with names `{ artistId: bigint('artist_id') }`. */
  readonly item: Item
  /** How many items readers get at most. */
  readonly most: number
}

/**
 * The items with the most rows, with how many they have: `select item, count(*) … group by item
 * order by count(*) desc, item::text collate "C" limit most`. Rows whose item is null give nothing.
 * In JSON `[{ artistId, count }]`.
 *
 *     topOf('listens', { item: { artistId: bigint('artist_id') }, most: 10, by: 'user_id' })
 */
export function topOf(table: string, declared: TopDeclaration): AggregateDeclaration {
  const { most, by, where = [] } = declared
  const { item, parts, faults } = readItem(declared.item)
  const slice = { order: 'largest', most } as const
  return {
    kind: 'top',
    table,
    by,
    where,
    keeps: { counts: [], item },
    shows: { scale: 0, digits: 0, slice, parts },
    faults: [
      ...unknownFaults('topOf', declared, ['item', 'most', 'by', 'where']),
      ...faults,
      ...faultsOfMost(most),
    ],
  }
}

export const top: AggregateForm = {
  json: (shown, { items }) => countedJson(shown, items),
  schema: countedSchema,
}
