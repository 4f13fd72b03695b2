/**
 * Statements that ask for the items of tallies, of all keys of a page: for each key how many rows
 * were read, and its items. Those that rows are counted by come as a tally's text has them. Items that
 * are rows in an order come as canonical texts, and are spelled by whoever reads them. Of a key with
 * more than `cellsMax` items none is told, nor does SQL answer more.
 */
import { spellSql } from '../entry-key.ts'
import { cellsMax } from '../tally-text.ts'
import { typeOf } from '../types/types.ts'
import type { TallyGroup } from './row-groups.ts'
import { identifier, tableName } from './sql-text.ts'
import {
  equalSql,
  inOrder,
  possibleKeys,
  sameSql,
  spelledSql,
  textArray,
  walked,
} from './truth-keys.ts'
import {
  conditionOf,
  groupConditions,
  groupsMax,
  keyNames,
  rangeRows,
  type Range,
} from './truth-rows.ts'
import { itemColumns, type ItemForm, type RowGroup, type View } from './view.ts'

/**
 * At most `rowsMax` rows. Where one key alone has more than that, the last column has the rows and
 * the items of all of it.
 */
export function talliedRange(view: View, group: TallyGroup, range: Range): string {
  const { limits } = range
  const names = keyNames(view)
  const selected = { columns: itemNames(group.item), where: tallyConditions(group) }
  const rows = rangeRows(view, group, selected, range)
  const cells = cellsSql(group.item, names, `(${rows}) r`)
  const whole = wholeSql(
    group,
    sameSql(
      view,
      group.by.map(identifier),
      names.map((name) => `c.${name}`),
    ),
  )
  const all = `(select json_build_array(w.rows, w.list) from (${whole}) w)`
  const isAlone = `count(*) over () = 1 and sum(n) >= ${limits.rowsMax}`
  const list = names.join(', ')
  return (
    `select ${spelledSql(view, names)}, rows, list, whole from (select ${list}, ${listSql(group.item)}, ` +
    `case when ${isAlone} then ${all} end as whole from (${cells}) c group by ${list} ` +
    `order by ${inOrder(view, walked(view, names)).join(', ')} limit ${groupsMax(view, limits)}) t`
  )
}

/** Each key by itself, so that none is read further than to see that it has too many items. */
export function talliedKeys(view: View, group: TallyGroup, keys: readonly string[]): string {
  const names = keyNames(view)
  const parts = names.map((name) => `a.${name}`)
  const possible = possibleKeys(view, keys)
  const arrays = view.key.map(({ type }, at) => textArray(type, possible, at))
  const asked = `select distinct * from unnest(${arrays.join(', ')}) as asked (${names.join(', ')})`
  const belongs = equalSql(view, group.by.map(identifier), parts)
  return (
    `select ${spelledSql(view, parts)}, w.rows, w.list, null from (${asked}) a ` +
    `cross join lateral (${wholeSql(group, belongs)}) w where w.rows is not null ` +
    `order by ${inOrder(view, walked(view, parts)).join(', ')}`
  )
}

/** Conditions that rows which give an item meet. */
export function tallyConditions(group: RowGroup & { readonly item: ItemForm }): readonly string[] {
  const { item } = group
  const needed = item.kind === 'values' ? item.columns : [item.order]
  const present = needed.map(({ column }) => `${identifier(column)} is not null`)
  return [...groupConditions(group), ...present]
}

/** An item's columns by their place. */
export function itemNames(item: ItemForm): readonly string[] {
  return itemColumns(item).map(({ column }, at) => `${identifier(column)} as v${at}`)
}

/** SQL for the canonical texts of an item's columns, which `itemNames` selected. */
export function itemTexts(item: ItemForm): readonly string[] {
  return itemColumns(item).map(({ type }, at) => typeOf(type).sql(`v${at}`))
}

/** Rows and items of one key, which these conditions tell. */
function wholeSql(group: TallyGroup, belongs: readonly string[]): string {
  const { item, table } = group
  const conditions = [...belongs, ...tallyConditions(group)]
  const rows = `select ${itemNames(item).join(', ')} from ${tableName(table)}${conditionOf(conditions)}`
  const cells = cellsSql(item, [], `(${rows}) r`)
  return `select ${listSql(item)} from (${cells} limit ${cellsMax + 1}) g`
}

/** Of each item the number of its rows, and its text or the texts that it is spelled of. */
function cellsSql(item: ItemForm, keys: readonly string[], rows: string): string {
  const texts = itemTexts(item).map((text, at) => `${text} as t${at}`)
  const told = texts.map((_, at) => `t${at}`)
  const cell =
    item.kind === 'row'
      ? `json_build_array(n, ${told.join(', ')}) as cell`
      : `${spellSql(told)} as item`
  const places = [...keys, ...texts.map((_, at) => `v${at}`)].join(', ')
  // Every row has an item of its own there, as its key is part of it.
  const grouped =
    item.kind === 'row'
      ? `select ${[...keys, '1 as n', ...texts].join(', ')} from ${rows}`
      : `select ${[...keys, 'count(*) as n', ...texts].join(', ')} from ${rows} group by ${places}`
  return `select ${[...keys, 'n', cell].join(', ')} from (${grouped}) i`
}

/** The rows of a key, and its items as JSON or as a tally's text has them; null instead of too many. */
function listSql({ kind }: ItemForm): string {
  const cell = `octet_length(item) || ':' || item || n || ';'`
  const list =
    kind === 'row' ? 'json_agg(cell)' : `string_agg(${cell}, '' order by n desc, item collate "C")`
  return `sum(n)::float8 as rows, case when count(*) <= ${cellsMax} then ${list} end as list`
}
