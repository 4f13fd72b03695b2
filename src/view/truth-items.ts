/**
 * Items of one tally of one entry, for a tally that is too large to be told as a whole: a range of
 * them in the source's order, or given ones.
 */
import { cellsMax } from '../tally-text.ts'
import type { TypedColumn } from '../types/declare.ts'
import { itemOf, textsOf } from './item.ts'
import { identifier, tableName } from './sql-text.ts'
import { amongSql, belongsSql, comparedBy, rowSql, valueLiteral } from './truth-keys.ts'
import { itemIn, type Answer } from './truth-page.ts'
import { conditionOf } from './truth-rows.ts'
import { itemNames, itemTexts, tallyConditions } from './truth-tallies.ts'
import type { ItemForm, Tally, View } from './view.ts'

/** A tally of an entry, as `truth` names it. */
export type ItemsOf = { readonly entry: string; readonly tally: string }

/** The items that follow `after`, or the first ones. */
export function itemRangeQuery(
  view: View,
  { entry, tally: name }: ItemsOf,
  { after, itemsMax }: { readonly after: string | undefined; readonly itemsMax: number },
): string {
  const tally = tallyOf(view, name)
  const columns = orderedColumns(tally.item)
  const order = columns.map(({ column, type }) => comparedBy(type).order(identifier(column)))
  const texts = after === undefined ? undefined : itemTextsOf(tally.item, after)
  if (after !== undefined && !texts)
    throw new Error(`${JSON.stringify(after)} is no item of ${name}`)
  const start = texts && rowSql(columns.map(({ type }, at) => valueLiteral(type, texts[at]!)))
  const where = [
    belongsSql(view, tally.by, [entry]),
    ...tallyConditions(tally),
    ...(start === undefined ? [] : [`${rowSql(order)} > ${start}`]),
  ]
  return itemSelect(tally, where, { order, most: itemsMax })
}

/** Texts that can't be items of the tally are not asked for. */
export function itemsQuery(
  view: View,
  { entry, tally: name }: ItemsOf,
  items: readonly string[],
): string {
  if (items.length > cellsMax) throw new Error(`one call asks for at most ${cellsMax} items`)
  const tally = tallyOf(view, name)
  const { item } = tally
  const possible = items.flatMap((each) => {
    const texts = itemTextsOf(item, each)
    return texts ? [texts] : []
  })
  // A row is found by its key; whether it has that very item is for whoever reads the answer.
  const [columns, values] =
    item.kind === 'values'
      ? [item.columns, possible]
      : [item.key, possible.map((texts) => texts.slice(1, 1 + item.key.length))]
  const where = [
    belongsSql(view, tally.by, [entry]),
    ...tallyConditions(tally),
    amongSql(columns, values as string[][]),
  ]
  return itemSelect(tally, where, { order: [], most: undefined })
}

export type ItemsPage = {
  readonly amounts: ReadonlyMap<string, bigint>
  /** Rows that were read for it. */
  readonly rows: number
  /** The item that was answered last. */
  readonly last: string | undefined
}

export function readItems(view: View, name: string, answer: Answer): ItemsPage {
  const { table, item: form } = tallyOf(view, name)
  const amounts = new Map<string, bigint>()
  let [rows, last] = [0, undefined as string | undefined]
  for (const [count, ...texts] of answer as readonly (readonly [number, ...string[]])[]) {
    last = itemIn(table, form, texts)
    amounts.set(last, (amounts.get(last) ?? 0n) + BigInt(count))
    rows += count
  }
  return { amounts, rows, last }
}

/** By its stored name. */
export function tallyOf({ name: view, tallies }: View, stored: string): Tally {
  const found = tallies.find((tally) => tally.stored === stored)
  if (!found) throw new Error(`${view} has no tally ${stored}`)
  return found
}

/** Those that decide the order of items in the source. */
function orderedColumns(item: ItemForm): readonly TypedColumn[] {
  return item.kind === 'values' ? item.columns : [item.order, ...item.key]
}

/** Of a text that this code could have spelled of values which the source can have. */
function itemTextsOf(form: ItemForm, item: string): readonly (string | null)[] | undefined {
  const texts = textsOf(form, item)
  if (!texts || !item.isWellFormed() || item.includes('\0')) return undefined
  const columns = form.kind === 'values' ? form.columns : form.key
  const from = form.kind === 'values' ? 0 : 1
  const isPossible = columns.every(({ type }, at) =>
    comparedBy(type).isCanonical(texts[at + from]!),
  )
  return isPossible && itemOf(form, texts) === item ? texts : undefined
}

type Wanted = { readonly order: readonly string[]; readonly most: number | undefined }

function itemSelect(
  { table, item }: Tally,
  where: readonly string[],
  { order, most }: Wanted,
): string {
  const places = itemNames(item).map((_, at) => `v${at}`)
  const orders = order.map((sql, at) => `${sql} as o${at}`)
  const names = orders.map((_, at) => `o${at}`)
  const isGrouped = item.kind === 'values'
  const rows =
    `select ${[...itemNames(item), ...orders].join(', ')} from ${tableName(table)}` +
    conditionOf(where)
  const grouped = isGrouped ? ` group by ${[...places, ...names].join(', ')}` : ''
  const sorted = order.length === 0 ? '' : ` order by ${names.join(', ')}`
  const limited = most === undefined ? '' : ` limit ${most}`
  const count = isGrouped ? 'count(*)::float8' : '1::float8'
  const cells = `select ${[...places, `${count} as n`, ...names].join(', ')} from (${rows}) r`
  return (
    `select ${['n', ...itemTexts(item)].join(', ')} ` +
    `from (${cells}${grouped}${sorted}${limited}) i${sorted}`
  )
}
