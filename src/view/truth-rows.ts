/** Rows of a page, as statements for counts and for tallies ask for them. */
import { keyFormOf } from '../types/windows.ts'
import { conditionSql } from './condition.ts'
import { identifier, literal, tableName } from './sql-text.ts'
import { cast, inOrder, keyedSql, ordered, rowSql, walked } from './truth-keys.ts'
import type { RowGroup, View } from './view.ts'

export type PageLimits = {
  /** Owning rows of a page; without owning rows, keys that each group of rows answers. */
  readonly keysMax: number
  /** Rows of one table that are counted for a page, unless one key alone has more. */
  readonly rowsMax: number
}

export type Range = {
  /** Conditions that the columns with the key's parts come after where the page begins. */
  readonly where: (columns: readonly string[]) => readonly string[]
  readonly limits: PageLimits
}

/** There may be any number of keys without an owning row where others have one. */
export function groupsMax({ row }: View, { keysMax }: PageLimits): number {
  return row ? keysMax * 2 : keysMax
}

/**
 * What is selected of the rows of a range, at most `rowsMax`, in the order of their keys, whose parts
 * are called as `keyNames` says.
 */
export function rangeRows(
  view: View,
  group: RowGroup,
  selected: { readonly columns: readonly string[]; readonly where: readonly string[] },
  { where, limits }: Range,
): string {
  const names = group.by.map(identifier)
  const columns = walked(view, names)
  const source = tableName(group.table)
  const upTo = () =>
    `${rowSql(inOrder(view, columns))} <= ${rowSql(inOrder(view, bounds(view, columns, source)))}`
  const conditions = [
    ...where(columns),
    ...(view.row ? [upTo()] : []),
    // A row is compared by its first parts where they decide, whatever the others are.
    ...keyedSql(view, columns),
    ...selected.where,
  ]
  return (
    `select ${[aliased(ordered(view, names)), ...selected.columns].join(', ')} from ${source}` +
    `${conditionOf(conditions)} order by ${inOrder(view, columns).join(', ')} limit ${limits.rowsMax}`
  )
}

/** Conditions that a group has on its rows. */
export function groupConditions({ where }: RowGroup): readonly string[] {
  return where.map(conditionSql)
}

/** The last owning row's key, or what no key is greater than where the page has the last rows. */
function bounds(view: View, columns: readonly string[], source: string): readonly string[] {
  const bound = `nullif(current_setting('millrace.bound'), '')::json`
  return view.key.map((part, at) => {
    const { type } = part
    const form = keyFormOf(part)
    const { last } = form
    const most =
      last === undefined
        ? `(select max(${columns[at]}) from ${source})`
        : `${literal(last)}::${cast(type)}`
    return form.order(`coalesce((${bound} ->> ${at})::${cast(type)}, ${most})`)
  })
}

/** Names of the parts of a key within a query. */
export function keyNames({ key }: View): readonly string[] {
  return key.map((_, at) => `k${at}`)
}

export function aliased(parts: readonly string[]): string {
  return parts.map((part, at) => `${part} as k${at}`).join(', ')
}

export function conditionOf(conditions: readonly string[]): string {
  return conditions.length === 0 ? '' : ` where ${conditions.join(' and ')}`
}
