/**
 * The contract of an aggregate: what an entry says of many rows. Each stands in a file of its own
 * and is listed in `index.ts`.
 */
import { didYouMean, nearest } from '../../nearest.ts'
import { digitsMost } from '../../types/numeric.ts'
import type { TypedColumn } from '../../types/declare.ts'
import type { TallyItem } from '../../mutation.ts'
import type { JsonForm, JsonValue } from '../../types/value-type.ts'
import type { Condition } from '../condition.ts'
import { lacking } from '../form-faults.ts'
import type { Json, seen } from '../json-types.ts'
import type { ItemLookup, Looked, Lookup } from '../lookup.ts'
import type { Adds, Aggregate, ItemForm, Shows } from '../view.ts'

/** What a declaration says: of which rows, and to which entry each belongs. */
export type RowsDeclaration = {
  /** The column with the entry's key, or one for each part. */
  readonly by: string | readonly string[]
  /** All of which rows have to meet; left out, every row counts. */
  readonly where?: readonly Condition[]
}

/** What stores keep of it. */
export type Keeps = {
  /** Numbers: the end of each one's name, and what a row adds to it. */
  readonly counts: readonly { readonly end: string; readonly adds: Adds }[]
  /** Which item of its tally a row adds to, where it has one, under its own name. */
  readonly item?: ItemForm
}

/** An aggregate as its builder makes it of what a person writes. */
export type AggregateDeclaration<Seen = Json> = RowsDeclaration & {
  readonly kind: string
  readonly table: string
  readonly keeps: Keeps
  readonly shows: Shows
  /** Of its items; nothing that stores know of. */
  readonly lookup?: ItemLookup | undefined
  /** What can't be kept exactly or is not understood, in words. */
  readonly faults: readonly string[]
  readonly [seen]?: Seen
}

/** How readers see it. */
export type AggregateForm = {
  json(shown: Shown, told: Told): JsonValue
  schema(shown: Shown): JsonForm['schema']
}

export type Shown = {
  readonly aggregate: Aggregate
  /** Of its tally. */
  readonly item: ItemForm | undefined
  /** Of its items. */
  readonly lookup?: Lookup | undefined
}

export type Told = {
  /** In the order in which it keeps them. */
  readonly numbers: readonly bigint[]
  /** The slice of its tally. */
  readonly items: readonly TallyItem[]
  readonly looked?: Looked | undefined
}

/** Of an aggregate that adds up a column. */
export function faultsOfAdded(
  { column, type }: TypedColumn,
  { scale, digits }: Pick<Shows, 'scale' | 'digits'>,
): readonly string[] {
  return [
    ...(isInteger(type) || type === 'numeric'
      ? []
      : [`${column} of type ${type} can't be added up exactly: integers and numeric can`]),
    ...faultsOfDigits({ column, type }, [scale, digits]),
  ]
}

export function faultsOfDigits({ column, type }: TypedColumn, given: readonly number[]): string[] {
  const isDigits = given.every((each) => Number.isInteger(each) && each >= 0 && each <= digitsMost)
  const [scale] = given
  return [
    ...(isDigits ? [] : [`${column}: scale and digits are whole numbers from 0 to ${digitsMost}`]),
    ...(isInteger(type) && scale! > 0
      ? [`${column} of type ${type} has no digits behind the point`]
      : []),
  ]
}

function isInteger(type: string): boolean {
  return ['smallint', 'integer', 'bigint'].includes(type)
}

/** How what an aggregate can't do without is written. */
const written = {
  by: "'user_id'",
  of: "integer('price')",
  item: "bigint('artist_id')",
  order: "timestamptz('created_at')",
  key: "bigint('order_id')",
}

/** An aggregate that says nothing but what it lacks of what it needs; undefined where it has all. */
export function lackingOf(
  builder: string,
  declared: object | undefined,
  needed: readonly (keyof typeof written)[],
): AggregateDeclaration<never> | undefined {
  const given: Readonly<Record<string, unknown>> = { ...declared }
  const faults = needed.flatMap((name) =>
    given[name] === undefined || given[name] === null
      ? [`${builder} needs ${name}: ${written[name]}`]
      : [],
  )
  if (faults.length === 0) return undefined
  const shows = { scale: 0, digits: 0 }
  return { kind: lacking, table: '', by: [], keeps: { counts: [] }, shows, faults }
}

/** Of a name that readers see. */
export function faultsOfCamelCase(name: string): string[] {
  return /^[a-z][a-zA-Z0-9]{0,62}$/.test(name) ? [] : [`'${name}' is not a camelCase name`]
}

/** JavaScript lets names through that mean nothing. */
export function unknownFaults(
  what: string,
  given: object,
  known: readonly string[],
): readonly string[] {
  return Object.keys(given).flatMap((name) =>
    known.includes(name) ? [] : [`${what} has no ${name}${didYouMean(nearest(name, known))}`],
  )
}
