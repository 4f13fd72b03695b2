import type { TypedColumn } from '../../types/declare.ts'

/** A column's name, which means text, or a column with its type. */
export type Column = string | TypedColumn

export function typedColumn(given: Column): TypedColumn {
  return typeof given === 'string' ? { column: given, type: 'text' } : { ...given }
}
