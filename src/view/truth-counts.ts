/** Statements that ask for the counts of the same rows, of all keys of a page. */
import type { CountGroup } from './row-groups.ts'
import { identifier, tableName } from './sql-text.ts'
import { inOrder, ordered, rowsOfKeys, sameSql, spelledSql, walked } from './truth-keys.ts'
import {
  aliased,
  conditionOf,
  groupConditions,
  groupsMax,
  keyNames,
  rangeRows,
  type Range,
} from './truth-rows.ts'
import type { Adds, View } from './view.ts'

/**
 * At most `rowsMax` rows and `groupsMax` keys. Where one key alone has more rows than that, `whole` says how many.
 */
export function countedRange(view: View, group: CountGroup, range: Range): string {
  const { limits } = range
  const where = groupConditions(group)
  const rows = rangeRows(view, group, { columns: added(group), where }, range)
  const first = keyNames(view).map((name) => `(array_agg(c.${name}))[1]`)
  const one = sameSql(view, group.by.map(identifier), first)
  const numbers = group.counts.map(({ adds }) =>
    addedSql(adds, adds.kind === 'row' ? '*' : identifier(adds.column)),
  )
  const texts = ['count(*)', ...numbers].map((number) => `(${number})::text`).join(', ')
  const all =
    `(select json_build_array(${texts}) from ${tableName(group.table)}` +
    `${conditionOf([...one, ...where])})`
  const whole = `case when count(*) = 1 and sum(n) >= ${limits.rowsMax} then ${all} end`
  const groups = `${groupsSql(view, group, rows)} limit ${groupsMax(view, limits)}`
  return countSelect(view, group, { groups, whole })
}

export function countedKeys(view: View, group: CountGroup, keys: readonly string[]): string {
  const { source, conditions } = rowsOfKeys(view, group, keys)
  const columns = [aliased(ordered(view, group.by.map(identifier))), ...added(group)]
  const rows = `select ${columns.join(', ')} from ${source}${conditionOf([...conditions, ...groupConditions(group)])}`
  return countSelect(view, group, { groups: groupsSql(view, group, rows), whole: 'null' })
}

/** What each row adds. */
function added({ counts }: CountGroup): readonly string[] {
  return counts.flatMap(({ adds }, at) =>
    adds.kind === 'row' ? [] : [`${identifier(adds.column)} as v${at}`],
  )
}

function groupsSql(view: View, { counts }: CountGroup, rows: string): string {
  const names = keyNames(view)
  const list = names.join(', ')
  const amounts = counts.map(({ adds }, at) => `, ${addedSql(adds, `v${at}`)} as a${at}`)
  return (
    `select ${list}, count(*) as n${amounts.join('')} from (${rows}) r ` +
    `group by ${list} order by ${inOrder(view, walked(view, names)).join(', ')}`
  )
}

/** What rows add together, an integer of any size. */
function addedSql(adds: Adds, value: string): string {
  if (adds.kind === 'row') return 'count(*)'
  if (adds.kind === 'value') return `count(${value})`
  // Of smaller integers a sum is a bigint, which round alone would make a double of.
  const sum = `coalesce(sum(${value}), 0)::numeric`
  return adds.scale === 0 ? `round(${sum})` : `round(${sum} * 1e${adds.scale})`
}

type Groups = { readonly groups: string; readonly whole: string }

/** Keys in their order, the rows of all of them, `whole`, and the numbers of each key by count. */
function countSelect(view: View, { counts }: CountGroup, { groups, whole }: Groups): string {
  const key = spelledSql(view, keyNames(view))
  // Texts of numbers alone need no quotes, and there may be many of them.
  const keys = isNumber(view) ? `string_agg(${key}, ',')` : `json_agg(${key})`
  const amounts = counts.map((_, at) => `string_agg(a${at}::text, ',')`).join(', ')
  return `select ${keys}, sum(n)::float8, ${whole}, ${amounts} from (${groups}) c`
}

function isNumber({ key }: View): boolean {
  return key.length === 1 && ['bigint', 'integer', 'smallint'].includes(key[0]!.type)
}
