/** How the keys of a view are asked for and ordered, in SQL and in JavaScript alike. */
import { spellSql, splitKey } from '../entry-key.ts'
import { boundText, timePartsOf, type KeepBound } from '../keep.ts'
import type { TypedColumn } from '../types/declare.ts'
import { typeOf, type ColumnType } from '../types/types.ts'
import type { KeyForm } from '../types/value-type.ts'
import { keyFormOf, windowFormOf, type KeyPart } from '../types/windows.ts'
import { arrayLiteral, identifier, literal, tableName } from './sql-text.ts'
import type { RowGroup, View } from './view.ts'

/** Ascending, as the answers are. */
export function compareKeys(parts: readonly KeyPart[], a: string, b: string): number {
  const [part] = parts
  if (parts.length === 1) return keyFormOf(part!).compare(a, b)
  const [left, right] = [a, b].map((key) => splitKey(key, parts.length) ?? [])
  for (const at of rankOf(parts)) {
    const order = keyFormOf(parts[at]!).compare(left![at] ?? '', right![at] ?? '')
    if (order !== 0) return order
  }
  return 0
}

/** What stands for the parts of a key, each by its place, in the order in which they decide. */
export function inOrder(view: View, parts: readonly string[]): readonly string[] {
  return rankOf(view.key).map((at) => parts[at]!)
}

/**
 * Places of the parts, those first whose order an index can have, and a window last: the order of
 * its columns, which an index has, is then that of the windows.
 */
function rankOf(parts: readonly KeyPart[]): readonly number[] {
  const places = parts.map((_, at) => at)
  const late = parts.map((part) => (part.window ? 2 : Number(!keyFormOf(part).isIndexed)))
  return places.toSorted((a, b) => late[a]! - late[b]! || a - b)
}

/** SQL that each part of the keys is ordered by, of the columns that hold them. */
export function ordered(view: View, columns: readonly string[]): readonly string[] {
  return view.key.map((part, at) => keyFormOf(part).order(columns[at]!))
}

/** SQL that rows go through in the order of their keys, of the columns or parts that hold them. */
export function walked(view: View, columns: readonly string[]): readonly string[] {
  return view.key.map((part, at) =>
    part.window ? columns[at]! : keyFormOf(part).order(columns[at]!),
  )
}

/** Conditions that rows belong to entries at all. */
export function keyedSql(view: View, columns: readonly string[]): readonly string[] {
  return view.key.map(({ type, window }, at) =>
    window ? windowFormOf(type, window).has(columns[at]!) : `${columns[at]!} is not null`,
  )
}

/** Conditions that columns hold the parts of a key. */
export function equalSql(
  view: View,
  columns: readonly string[],
  parts: readonly string[],
): readonly string[] {
  return view.key.map((part, at) => keyFormOf(part).equals(columns[at]!, parts[at]!))
}

/** The same, of parts that were selected as `ordered` has them. */
export function sameSql(
  view: View,
  columns: readonly string[],
  parts: readonly string[],
): readonly string[] {
  return view.key.map((part, at) => {
    const form = keyFormOf(part)
    const [column, value] = [columns[at]!, parts[at]!]
    return part.window ? form.equals(column, value) : `${form.order(column)} = ${value}`
  })
}

/** SQL for a key's text, of SQL for its parts. */
export function spelledSql(view: View, parts: readonly string[]): string {
  return spellSql(partTexts(view, parts))
}

/** SQL for the texts of the parts of a key. */
export function partTexts(view: View, parts: readonly string[]): readonly string[] {
  return view.key.map(({ type }, at) => typeOf(type).sql(parts[at]!))
}

/** A row of SQL, or what it holds where that is one. */
export function rowSql(parts: readonly string[]): string {
  return parts.length === 1 ? parts[0]! : `(${parts.join(', ')})`
}

/** The key's parts as literals, those of the last row that can belong to it. */
export function keyLiterals(view: View, key: string): readonly string[] {
  const parts = partsOf(view, key)
  if (!parts) throw new Error(`${JSON.stringify(key)} is no key of ${view.name}`)
  return view.key.map(({ type, window }, at) => {
    const part = parts[at]!
    return valueLiteral(type, window ? windowFormOf(type, window).lastOf(part) : part)
  })
}

/** The value that has this canonical text. */
export function valueLiteral(type: ColumnType, text: string): string {
  return `${literal(storedText(type, text))}::${cast(type)}`
}

/** A condition that the rows of `table` belong to these keys; those that can't be keys are left out. */
export function belongsSql(
  view: View,
  columns: readonly string[],
  keys: readonly string[],
): string {
  const possible = possibleKeys(view, keys)
  const [one] = possible
  if (hasWindow(view) && one && possible.length === 1) {
    const literals = view.key.map(({ type }, at) => valueLiteral(type, one[at]!))
    return equalSql(view, columns.map(identifier), literals).join(' and ')
  }
  return amongSql(
    view.key.map((part, at) => ({ ...part, column: columns[at]! })),
    possible,
  )
}

/**
 * What a statement reads to meet the rows of `table` that belong to these keys, and the conditions.
 * A window is a range, for which a join goes through an index, and `exists` does not.
 */
export function rowsOfKeys(
  view: View,
  { table, by }: Pick<RowGroup, 'table' | 'by'>,
  keys: readonly string[],
): { readonly source: string; readonly conditions: readonly string[] } {
  const source = tableName(table)
  if (!hasWindow(view)) return { source, conditions: [belongsSql(view, by, keys)] }
  const possible = possibleKeys(view, [...new Set(keys)])
  const arrays = view.key.map(({ type }, at) => textArray(type, possible, at))
  const parts = arrays.map((_, at) => askedName(at))
  const asked = `unnest(${arrays.join(', ')}) as asked (${parts.join(', ')})`
  return {
    source: `${source} cross join ${asked}`,
    conditions: equalSql(view, by.map(identifier), parts),
  }
}

function hasWindow({ key }: View): boolean {
  return key.some(({ window }) => window)
}

/** No table has columns of such names, which a column without its table could mean instead. */
function askedName(at: number): string {
  return identifier(`asked part ${at}`)
}

/** Each of the keys by its parts; those that can't be one of the view's are left out. */
export function possibleKeys(view: View, keys: readonly string[]): readonly (readonly string[])[] {
  return keys.flatMap((key) => {
    const parts = partsOf(view, key)
    return parts ? [parts] : []
  })
}

/** A condition that the columns have one of these values, each a text for every column. */
export function amongSql(
  columns: readonly (TypedColumn & KeyPart)[],
  values: readonly (readonly string[])[],
): string {
  const arrays = columns.map(({ type }, at) => textArray(type, values, at))
  const isList = columns.length === 1 && !columns[0]!.window
  const equals = columns.map(({ column, type, window }, at) =>
    (window ? keyFormOf({ type, window }) : comparedBy(type)).equals(
      identifier(column),
      isList ? `any(${arrays[at]})` : askedName(at),
    ),
  )
  if (isList) return equals[0]!
  const names = arrays.map((_, at) => askedName(at)).join(', ')
  const asked = `unnest(${arrays.join(', ')}) as asked (${names})`
  return `exists (select from ${asked} where ${equals.join(' and ')})`
}

/** An array of the texts that the values have in one place. */
export function textArray(
  type: ColumnType,
  values: readonly (readonly string[])[],
  at: number,
): string {
  return `${arrayLiteral(values.map((texts) => storedText(type, texts[at]!)))}::${cast(type)}[]`
}

/** How values are compared where not only keys are of the type. */
export function comparedBy(type: ColumnType): Pick<KeyForm, 'order' | 'equals' | 'isCanonical'> {
  const { key, order } = typeOf(type)
  if (key) return key
  return {
    order: (column) => column,
    equals: (column, value) => `${column} = ${value}`,
    isCanonical: (text) =>
      order ? order.spell(text, 0) !== undefined : text === 'true' || text === 'false',
  }
}

/** Conditions that rows of these columns are not below the bound. */
export function keptSql(
  { key }: View,
  columns: readonly string[],
  bound: KeepBound | undefined,
): readonly string[] {
  if (bound === undefined) return []
  return timePartsOf(key).map((at) => {
    const part = key[at]!
    const text = storedText(part.type, boundText(part, bound))
    return `${columns[at]!} >= ${literal(text)}::${cast(part.type)}`
  })
}

/** Type that literals of a part are cast to. */
export function cast(type: ColumnType): string {
  return typeOf(type).stored.type
}

function storedText(type: ColumnType, part: string): string {
  return typeOf(type).stored.value(part)
}

/** The parts of a text that the source could answer as a key; `01` for example it writes as `1`. */
function partsOf({ key }: View, text: string): readonly string[] | undefined {
  const parts = splitKey(text, key.length)
  const isKey = parts?.every((part, at) => keyFormOf(key[at]!).isCanonical(part))
  return isKey === true ? parts : undefined
}
