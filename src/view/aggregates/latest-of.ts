import type { RowJson } from '../json-types.ts'
import type { AggregateDeclaration, AggregateForm } from './aggregate.ts'
import { listJson, listOf, schemaOfList, type ListDeclaration } from './ordered-rows.ts'

/**
 * The latest rows: `select fields … and order is not null order by order desc, key desc limit most`.
 * Parts of the key that are text stand in the order of their bytes within JSON. In JSON a list of
 * objects with these fields.
 *
 *     latestOf('tweets', {
 *       order: timestamptz('created_at'),
 *       key: bigint('tweet_id'),
 *       most: 20,
 *       fields: { tweetId: bigint('tweet_id'), text: 'body' },
 *       by: 'user_id',
 *     })
 */
export function latestOf<const Fields extends ListDeclaration['fields']>(
  table: string,
  declared: ListDeclaration<Fields>,
): AggregateDeclaration<readonly RowJson<Fields>[]> {
  return listOf(table, declared, { kind: 'latest', builder: 'latestOf', order: 'last' })
}

export const latest: AggregateForm = {
  json: (shown, { items }) => listJson(shown, items),
  schema: schemaOfList,
}
