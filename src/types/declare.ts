/** How declarations name columns: a builder for each type. */
import type { ColumnType } from './types.ts'

export type TypedColumn<Type extends ColumnType = ColumnType> = {
  readonly column: string
  readonly type: Type
}

const builder =
  <const Type extends ColumnType>(type: Type) =>
  (column: string): TypedColumn<Type> => ({ column, type })

/** A column of type `smallint`, `integer` or `bigint`; a string in JSON. */
export const bigint = builder('bigint')
/** A column of type `smallint` or `integer`; a number in JSON. */
export const integer = builder('integer')
/** A column of type `smallint`; a number in JSON. */
export const smallint = builder('smallint')
/** A column of type `numeric`, exact; a string in JSON. */
export const numeric = builder('numeric')
/** A column of type `real`. */
export const real = builder('real')
/** A column of type `double precision`. */
export const double = builder('double')
export const boolean = builder('boolean')
/** A column of type `text` or `varchar`. */
export const text = builder('text')
/** A column of type `char(n)`, with its blanks. */
export const char = builder('char')
export const uuid = builder('uuid')
/** A column of an enum. */
export const enumeration = builder('enum')
export const date = builder('date')
/** A column of type `time`, without time zone. */
export const time = builder('time')
/** A column of type `timestamp`, without time zone. */
export const timestamp = builder('timestamp')
export const timestamptz = builder('timestamptz')
/** A column of type `json`; JSON has the value itself. */
export const json = builder('json')
/** A column of type `jsonb`; JSON has the value itself. */
export const jsonb = builder('jsonb')
/** A column of type `bytea`; base64 in JSON. */
export const bytea = builder('bytea')

/** A column that holds arrays of what `element` says; a name alone says text. */
export function arrayOf<const Element extends string | TypedColumn>(
  element: Element,
): TypedColumn<ArrayOf<Element>> {
  const { column, type } = typeof element === 'string' ? text(element) : element
  return { column, type: `${type}[]` as ArrayOf<Element> }
}

type ArrayOf<Element> = Extract<
  ColumnType,
  `${Element extends TypedColumn<infer Type> ? Type : 'text'}[]`
>
