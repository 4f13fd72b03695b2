import { tableOf } from '../table-name.ts'
import { arrayLiteral } from '../view/sql-text.ts'

/** SQL for these tables as `named`: `id` is what views call each, `schema` and `name` are its own. */
export function namedTables(tables: readonly string[]): string {
  const names = tables.map(tableOf)
  const lists = [tables, names.map(({ schema }) => schema), names.map(({ name }) => name)]
  const arrays = lists.map((list) => `${arrayLiteral(list)}::text[]`)
  return `unnest(${arrays.join(', ')}) as named (id, schema, name)`
}
