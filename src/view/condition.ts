/** Conditions on a row's columns, as `where` of an aggregate has them. Like in SQL, null meets none. */
import type { Row } from '../change.ts'
import { unreachable } from '../errors.ts'
import type { TypedColumn } from '../types/declare.ts'
import { knownType, typeOf, type ColumnType } from '../types/types.ts'
import type { ConstantForm } from '../types/value-type.ts'
import { identifier, literal } from './sql-text.ts'

/** As data. `values` are canonical texts: one, for `in` any number, for the two about null none. */
export type Condition = {
  readonly column: string
  readonly type: ColumnType
  readonly is: Comparison
  readonly values: readonly string[]
  /** What was given as a constant and is none: JavaScript lets everything through. */
  readonly odd?: string | undefined
}

export const comparisons = ['=', '<>', '<', '<=', '>', '>=', 'in', 'null', 'not null'] as const
export type Comparison = (typeof comparisons)[number]

type Constant = string | number | bigint | boolean
/** A column's name, which means text, or a column with its type. */
type Column = string | TypedColumn

/** The column equals the value: `eq(enumeration('state'), 'paid')`. */
export const eq = comparing('=')
/** The column has another value; null has none. */
export const ne = comparing('<>')
export const lt = comparing('<')
export const lte = comparing('<=')
export const gt = comparing('>')
export const gte = comparing('>=')

export function inArray(column: Column, values: readonly Constant[]): Condition {
  // Text is a list of letters to JavaScript.
  return condition(column, 'in', Array.isArray(values) ? values : [[values]])
}

export function isNull(column: Column): Condition {
  return { ...typed(column), is: 'null', values: [] }
}

export function isNotNull(column: Column): Condition {
  return { ...typed(column), is: 'not null', values: [] }
}

/** What of a condition can't be kept, in words. */
export function faultsOfCondition({ column, type, is, values, odd }: Condition): string[] {
  const known = knownType(type)
  if (!known) return [`there is no type '${type}' for ${column}`]
  if (is === 'null' || is === 'not null') return []
  const { constant } = known
  if (!constant) return [`${column} of type ${type} can't be compared with a constant`]
  if (odd !== undefined) {
    return [
      `${column} is compared with ${odd}, which is no constant: isNull and isNotNull ask for null, ` +
        `inArray has a list of texts, numbers or booleans`,
    ]
  }
  const isOrder = ['<', '<=', '>', '>='].includes(is)
  return [
    ...(isOrder && !constant.isOrdered
      ? [`${column} can't be compared by ${is}: its order is not the same everywhere`]
      : []),
    ...values.flatMap((value) =>
      constant.isValue(value) ? [] : [`'${value}' for ${column} is not ${constant.words}`],
    ),
  ]
}

/** SQL that is true where the rows are meant, one for each condition. */
export function conditionSql({ column, type, is, values }: Condition): string {
  const name = identifier(column)
  const { stored } = typeOf(type)
  // Text that is no label would be an error if it were cast to the enum.
  const left = type === 'enum' ? `${name}::text` : name
  const constant = (value: string) => `${literal(stored.value(value))}::${stored.type}`
  if (is === 'null' || is === 'not null') return `${name} is ${is}`
  if (is !== 'in') return `${left} ${is} ${constant(values[0]!)}`
  return values.length === 0 ? 'false' : `${left} in (${values.map(constant).join(', ')})`
}

/** Whether a row is meant; the row has to tell the columns. */
export function isMet({ column, type, is, values }: Condition, row: Row): boolean {
  const value = row[column] ?? null
  if (is === 'null') return value === null
  if (value === null) return false
  if (is === 'not null') return true
  const text = String(value)
  const form = typeOf(type).constant!
  if (is === 'in') return values.some((each) => isEqual(form, text, each))
  const [constant] = values as [string]
  if (is === '=') return isEqual(form, text, constant)
  if (is === '<>') return !isEqual(form, text, constant)
  const order = form.compare(text, constant)
  switch (is) {
    case '<':
      return order < 0
    case '<=':
      return order <= 0
    case '>':
      return order > 0
    case '>=':
      return order >= 0
    default:
      return unreachable(is)
  }
}

/** Equal values nearly always have equal texts, and different ones of an unordered type never do. */
function isEqual(form: ConstantForm, a: string, b: string): boolean {
  return a === b || (form.isOrdered && form.compare(a, b) === 0)
}

function comparing(is: Comparison) {
  return (column: Column, value: Constant): Condition => condition(column, is, [value])
}

function condition(column: Column, is: Comparison, given: readonly unknown[]): Condition {
  const odd = given.flatMap(oddOf)[0]
  const values = given.map(String)
  return { ...typed(column), is, values, ...(odd === undefined ? {} : { odd }) }
}

/** In words. */
function oddOf(value: unknown): string | [] {
  if (['string', 'number', 'bigint', 'boolean'].includes(typeof value)) return []
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' && value !== null ? 'an object' : String(value)
}

function typed(column: Column): TypedColumn {
  return typeof column === 'string' ? { column, type: 'text' } : column
}
