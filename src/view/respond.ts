/**
 * What is computed when an entry is read: `respond` in a declaration. Stores and workers know
 * nothing of it, and it is no part of what a declaration is known by.
 */
import { unreachable } from '../errors.ts'
import { didYouMean, nearest } from '../nearest.ts'
import type { Json } from './json-types.ts'
import type { View } from './view.ts'

declare const entryJson: unique symbol

/** A view whose type says what its entries are as JSON. */
export type ViewOf<Entry> = View & { readonly [entryJson]?: Entry | undefined }

/** Parameters of the query string by name; others are refused with 400, as are other values. */
export type QueryDeclaration = Readonly<Record<string, QueryParameter>>

/** As JSON schema has them. Left out of a query, a parameter has its default, or is undefined. */
export type QueryParameter =
  | {
      readonly type: 'integer' | 'number'
      readonly minimum?: number
      readonly maximum?: number
      readonly default?: number
      readonly description?: string
    }
  | {
      readonly type: 'string'
      readonly enum?: readonly string[]
      /** A regular expression. */
      readonly pattern?: string
      readonly minLength?: number
      readonly maxLength?: number
      readonly default?: string
      readonly description?: string
    }
  | { readonly type: 'boolean'; readonly default?: boolean; readonly description?: string }

/** What `query` holds. */
export type QueryOf<Query> = {
  readonly [Name in keyof Query]: Query[Name] extends { readonly default: unknown }
    ? ParameterOf<Query[Name]>
    : ParameterOf<Query[Name]> | undefined
}

type ParameterOf<Parameter> = Parameter extends { readonly enum: readonly (infer Value)[] }
  ? Value
  : Parameter extends { readonly type: 'string' }
    ? string
    : Parameter extends { readonly type: 'boolean' }
      ? boolean
      : number

/**
 * Answers what readers get, as JSON, or null for 404. It may be called many times at once, and for
 * an entry that is not there. What it throws is 500 to the reader.
 */
export type RespondFunction<
  Entry = Readonly<Record<string, unknown>>,
  Query = unknown,
  Parts = unknown,
> = (asked: Asked<Entry, Query, Parts>) => unknown

export type Asked<Entry, Query, Parts> = {
  /** As the view spells it: `42`, or `eu:42` where it has several parts. */
  readonly key: string
  /** The same by the names of its parts. */
  readonly parts: Parts
  /** As JSON; null where there is none. */
  readonly entry: Entry | null
  readonly query: Query
  readonly read: ReadEntries
  /** Aborts when the time for the answer is over, or nobody waits for it any more. */
  readonly signal: AbortSignal
}

/**
 * Reads entries of any views of the configuration, at most 1,000 in one call. All of a call is of one
 * moment; answers the entries of each question in the order of its keys, null where there is none.
 */
export type ReadEntries = <const Questions extends readonly Question[]>(
  questions: Questions,
) => Promise<{
  readonly [At in keyof Questions]: readonly (AnswerOf<Questions[At]> | null)[]
}>

export type Question = {
  readonly view: View
  /** As the view spells them, or their parts. */
  readonly keys: readonly EntryKey[]
  /**
   * Names of fields and aggregates, where no others are needed: entries are read and told with these
   * and their keys alone. Left out, entries have all, with what fields look up.
   */
  readonly only?: readonly string[]
}

type AnswerOf<Of extends Question> = Of extends { readonly only: readonly (infer Name)[] }
  ? Pick<EntryOf<Of['view']>, Name & keyof EntryOf<Of['view']>>
  : EntryOf<Of['view']>

export type EntryKey = string | readonly string[]

/** What `ViewOf` says, or any names where it says nothing. */
export type EntryOf<Viewed> = Viewed extends { readonly [entryJson]?: infer Entry }
  ? unknown extends Entry
    ? AnyEntry
    : NonNullable<Entry>
  : AnyEntry

type AnyEntry = Readonly<Record<string, Json>>

export type Respond = {
  readonly answer: RespondFunction<never, never, never>
  readonly query: QueryDeclaration
  /** JSON schema of the answer, for OpenAPI. */
  readonly schema: object | undefined
}

type RespondDeclaration = {
  readonly key: Readonly<Record<string, unknown>>
  readonly serve?: string | undefined
  readonly respond?: unknown
  readonly query?: QueryDeclaration | undefined
  readonly schema?: object | undefined
}

export function respondOf({ respond, query, schema }: RespondDeclaration): Respond | undefined {
  if (respond === undefined) return undefined
  return { answer: respond as Respond['answer'], query: query ?? {}, schema }
}

const parameterProperties = {
  integer: ['minimum', 'maximum'],
  number: ['minimum', 'maximum'],
  string: ['enum', 'pattern', 'minLength', 'maxLength'],
  boolean: [],
}

const common = ['type', 'default', 'description']

export function faultsOfRespond(declaration: RespondDeclaration): string[] {
  const { serve, respond, query = {}, schema } = declaration
  if (respond === undefined) {
    const given = Object.entries({ query: declaration.query, schema })
    return given.flatMap(([name, value]) =>
      value === undefined ? [] : [`${name} is of no use without respond`],
    )
  }
  return [
    ...(typeof respond === 'function' ? [] : ['respond is no function']),
    ...(serve === undefined ? ['respond needs serve, the path under which it answers'] : []),
    ...Object.entries(query).flatMap(([name, parameter]) => faultsOfParameter(name, parameter)),
    ...(schema === undefined || (typeof schema === 'object' && schema !== null)
      ? []
      : ['schema is no JSON schema of the answer']),
  ]
}

function faultsOfParameter(name: string, parameter: QueryParameter | null): string[] {
  const type = parameter?.type
  const what = `query parameter ${name}`
  if (!parameter || !type || !Object.hasOwn(parameterProperties, type)) {
    const types = Object.keys(parameterProperties)
    return [`${what} has no type that is one of ${types.join(', ')}`]
  }
  const known = [...common, ...parameterProperties[type]]
  const strange = Object.keys(parameter).filter((property) => !known.includes(property))
  const faults = [
    // Every object has values under some names, which a query does not.
    ...(/^[A-Za-z][A-Za-z0-9_-]*$/.test(name) && !(name in {})
      ? []
      : [`${what} can't be called so`]),
    ...strange.map(
      (property) =>
        `${what} of type ${type} has no ${property}${didYouMean(nearest(property, known))}`,
    ),
    ...faultsOfBounds(what, parameter),
    ...faultsOfPattern(what, parameter),
  ]
  return faults.length > 0 ? faults : faultsOfDefault(what, parameter)
}

/** What the server's validation would not take, or no value could hold to. */
function faultsOfBounds(what: string, parameter: QueryParameter): string[] {
  const { description = '' } = parameter
  const text = typeof description === 'string' ? [] : [`${what}: its description is no text`]
  if (parameter.type === 'boolean') return text
  if (parameter.type !== 'string') {
    const { minimum = -Infinity, maximum = Infinity } = parameter
    const bounds = [parameter.minimum ?? 0, parameter.maximum ?? 0]
    const isFit = bounds.every(Number.isFinite) && minimum <= maximum
    return isFit ? text : [...text, `${what}: minimum and maximum are numbers in that order`]
  }
  const { enum: values = [''], minLength = 0, maxLength = Infinity } = parameter
  const lengths = [minLength, parameter.maxLength ?? 0]
  const isFit = lengths.every((each) => Number.isInteger(each) && each >= 0)
  const isList = Array.isArray(values) && values.every((each) => typeof each === 'string')
  return [
    ...text,
    ...(isFit && minLength <= maxLength
      ? []
      : [`${what}: minLength and maxLength are whole numbers in that order`]),
    ...(isList && values.length > 0 && new Set(values).size === values.length
      ? []
      : [`${what}: its enum is no list of different texts`]),
  ]
}

function faultsOfPattern(what: string, parameter: QueryParameter): string[] {
  const isFit = parameter.type !== 'string' || expressionOf(parameter) !== undefined
  return isFit ? [] : [`${what}: its pattern is no regular expression`]
}

/** Undefined for what is no regular expression. */
function expressionOf({ pattern = '' }: { readonly pattern?: string }): RegExp | undefined {
  if (typeof pattern !== 'string') return undefined
  try {
    return new RegExp(pattern, 'u')
  } catch {
    return undefined
  }
}

function faultsOfDefault(what: string, parameter: QueryParameter): string[] {
  if (parameter.default === undefined || isValue(parameter, parameter.default)) return []
  return [`${what}: its default is no value that it takes`]
}

function isValue(parameter: QueryParameter, value: unknown): boolean {
  switch (parameter.type) {
    case 'boolean':
      return typeof value === 'boolean'
    case 'string': {
      const { enum: values, minLength = 0, maxLength = Infinity } = parameter
      if (typeof value !== 'string') return false
      const { length } = Array.from(value)
      const isListed = values === undefined || values.includes(value)
      const isMatch = expressionOf(parameter)?.test(value) !== false
      return isListed && isMatch && length >= minLength && length <= maxLength
    }
    case 'integer':
      return Number.isInteger(value) && isWithin(parameter, value)
    case 'number':
      return isWithin(parameter, value)
    default:
      return unreachable(parameter)
  }
}

function isWithin(
  {
    minimum = -Infinity,
    maximum = Infinity,
  }: { readonly minimum?: number; readonly maximum?: number },
  value: unknown,
): boolean {
  return typeof value === 'number' && value >= minimum && value <= maximum
}
