/**
 * The contract of an aggregate: what an entry says of many rows. Each stands in a file of its own
 * and is listed in `index.ts`.
 */
import type { TypedColumn } from '../../types/declare.ts'
import type { JsonForm, JsonValue } from '../../types/value-type.ts'
import type { Condition } from '../condition.ts'
import type { Adds, Aggregate, AggregateKind } from '../view.ts'

/** What a declaration says: of which rows, and to which entry each belongs. */
export type RowsDeclaration = {
  /** The column with the entry's key, or one for each part. */
  readonly by: string | readonly string[]
  /** All of which rows have to meet; left out, every row counts. */
  readonly where?: readonly Condition[]
}

export type AggregateDeclaration = RowsDeclaration & {
  readonly kind: AggregateKind
  readonly table: string
  /** The column that is added up; undefined where rows are counted. */
  readonly of: TypedColumn | undefined
  /** Decimal digits behind the point that the column's values have at most. */
  readonly scale: number
  /** Those of what readers see. */
  readonly digits: number
}

export type AggregateForm = {
  /** The numbers that stores keep: the end of each one's name, and what a row adds to it. */
  counts(
    declaration: AggregateDeclaration,
  ): readonly { readonly end: string; readonly adds: Adds }[]
  /** What can't be kept exactly, in words. */
  faults(declaration: AggregateDeclaration): readonly string[]
  /** What readers see, of the numbers in the order of `counts`. */
  json(aggregate: Aggregate, numbers: readonly bigint[]): JsonValue
  schema(aggregate: Aggregate): JsonForm['schema']
}

/** Decimal text of an integer that has so many digits behind the point: `-0.50`. */
export function decimalText(value: bigint, digits: number): string {
  if (digits === 0) return String(value)
  const text = String(value < 0n ? -value : value).padStart(digits + 1, '0')
  return `${value < 0n ? '-' : ''}${text.slice(0, -digits)}.${text.slice(-digits)}`
}

/** As `numeric` has them that fits 64 bits. */
const digitsMost = 18

/** Of an aggregate that adds up a column. */
export function faultsOfAdded({ of, scale, digits }: AggregateDeclaration): readonly string[] {
  const { column, type } = of!
  const isInteger = ['smallint', 'integer', 'bigint'].includes(type)
  const isDigits = [scale, digits].every(
    (each) => Number.isInteger(each) && each >= 0 && each <= digitsMost,
  )
  return [
    ...(isInteger || type === 'numeric'
      ? []
      : [`${column} of type ${type} can't be added up exactly: integers and numeric can`]),
    ...(isDigits ? [] : [`${column}: scale and digits are whole numbers from 0 to ${digitsMost}`]),
    ...(isInteger && scale > 0 ? [`${column} of type ${type} has no digits behind the point`] : []),
  ]
}
