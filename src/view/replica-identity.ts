import { countedColumns, rowGroupsOf, tablesOf, type View } from './view.ts'

/**
 * The replica identity that `table` needs for the view. The key alone is enough where the columns
 * that aggregates are made of are part of it; the owning row must come whole, or unchanged long text
 * would come as a placeholder.
 */
export function replicaIdentityOf(
  view: View,
  table: string,
  primaryKey: readonly string[],
): 'full' | 'default' {
  if (!tablesOf(view).includes(table)) throw new Error(`${view.name} does not read ${table}`)
  if (table === view.row?.table) return 'full'
  const groups = rowGroupsOf(view).filter((group) => group.table === table)
  return groups.every((group) =>
    countedColumns(group).every((column) => primaryKey.includes(column)),
  )
    ? 'default'
    : 'full'
}
