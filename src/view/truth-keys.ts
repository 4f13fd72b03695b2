/** How the keys of a view are asked for and ordered, in SQL and in JavaScript alike. */
import { spellSql, splitKey } from '../entry-key.ts'
import type { TypedColumn } from '../types/declare.ts'
import { keyTypeOf, typeOf, type ColumnType } from '../types/types.ts'
import type { KeyForm } from '../types/value-type.ts'
import { arrayLiteral, identifier, literal } from './sql-text.ts'
import type { View } from './view.ts'

/** Types of the parts of a key. */
export function keyTypes({ key }: View): readonly ColumnType[] {
  return key.map(({ type }) => type)
}

/** Ascending, as the answers are. */
export function compareKeys(types: readonly ColumnType[], a: string, b: string): number {
  const [type] = types
  if (types.length === 1) return keyTypeOf(type!).compare(a, b)
  const [left, right] = [a, b].map((key) => splitKey(key, types.length) ?? [])
  for (const at of rankOf(types)) {
    const order = keyTypeOf(types[at]!).compare(left![at] ?? '', right![at] ?? '')
    if (order !== 0) return order
  }
  return 0
}

/** What stands for the parts of a key, each by its place, in the order in which they decide. */
export function inOrder(view: View, parts: readonly string[]): readonly string[] {
  return rankOf(keyTypes(view)).map((at) => parts[at]!)
}

/** Places of the parts, those first whose order an index can have. */
function rankOf(types: readonly ColumnType[]): readonly number[] {
  const places = types.map((_, at) => at)
  const isLate = (at: number) => Number(!keyTypeOf(types[at]!).isIndexed)
  return places.toSorted((a, b) => isLate(a) - isLate(b) || a - b)
}

/** SQL that each part of the keys is ordered by, of the columns that hold them. */
export function ordered(view: View, columns: readonly string[]): readonly string[] {
  return view.key.map(({ type }, at) => keyTypeOf(type).order(columns[at]!))
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

/** The key's parts as literals. */
export function keyLiterals(view: View, key: string): readonly string[] {
  const parts = partsOf(view, key)
  if (!parts) throw new Error(`${JSON.stringify(key)} is no key of ${view.name}`)
  return view.key.map(({ type }, at) => valueLiteral(type, parts[at]!))
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
  const typed = view.key.map(({ type }, at) => ({ column: columns[at]!, type }))
  return amongSql(typed, possibleKeys(view, keys))
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
  columns: readonly TypedColumn[],
  values: readonly (readonly string[])[],
): string {
  const arrays = columns.map(({ type }, at) => textArray(type, values, at))
  const equals = columns.map(({ column, type }, at) =>
    comparedBy(type).equals(
      identifier(column),
      columns.length === 1 ? `any(${arrays[at]})` : `asked.a${at}`,
    ),
  )
  if (columns.length === 1) return equals[0]!
  const names = arrays.map((_, at) => `a${at}`).join(', ')
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
  const isKey = parts?.every((part, at) => keyTypeOf(key[at]!.type).isCanonical(part))
  return isKey === true ? parts : undefined
}
