/** Parameters that a `respond` takes, for the server and in words. */
import type { FastifySchemaValidationError } from 'fastify/types/schema.js'
import { unreachable } from '../errors.ts'
import { didYouMean, nearest } from '../nearest.ts'
import type { QueryDeclaration, QueryParameter } from '../view/respond.ts'

export function querySchema(query: QueryDeclaration): object {
  return { type: 'object', additionalProperties: false, properties: query }
}

/**
 * Of what a reader wrote: the server's validation makes numbers of texts as JavaScript does, `0x10`
 * and ` 5` and `1e999` among them. A name that is given twice has no text, and is left to it.
 */
export function writtenFault(
  query: QueryDeclaration,
  given: Readonly<Record<string, unknown>>,
): string | undefined {
  for (const [name, parameter] of Object.entries(query)) {
    const text = given[name]
    if (typeof text !== 'string' || isWritten(parameter, text)) continue
    return `${name} is ${wordsOf(parameter)}.`
  }
  return undefined
}

function isWritten({ type }: QueryParameter, text: string): boolean {
  switch (type) {
    case 'integer':
      return /^-?\d+$/.test(text) && Number.isFinite(Number(text))
    case 'number':
      return /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(text) && Number.isFinite(Number(text))
    case 'boolean':
      return text === 'true' || text === 'false'
    case 'string':
      return true
    default:
      return unreachable(type)
  }
}

/** Makes a sentence of what the server's validation finds. */
export function queryFault(query: QueryDeclaration) {
  return ([error]: readonly FastifySchemaValidationError[]): Error => {
    const { keyword, params, instancePath = '' } = error ?? {}
    if (keyword === 'additionalProperties') {
      const name = String(params?.additionalProperty)
      const names = Object.keys(query)
      const near = nearest(name, names)
      const known = names.length > 0 ? ` There are ${names.join(', ')}.` : ''
      return new Error(`There is no parameter ${name}${didYouMean(near) || '.'}${known}`)
    }
    const name = instancePath.slice(1)
    const parameter = query[name]
    return new Error(parameter ? `${name} is ${wordsOf(parameter)}.` : 'That is no query.')
  }
}

function wordsOf(parameter: QueryParameter): string {
  switch (parameter.type) {
    case 'boolean':
      return 'true or false'
    case 'string': {
      const { enum: values, pattern, minLength, maxLength } = parameter
      if (values) return `one of ${values.join(', ')}`
      const matching = pattern === undefined ? '' : ` that matches ${pattern}`
      const range = rangeOf(minLength, maxLength)
      return `text${range && ` of ${range} characters`}${matching}`
    }
    case 'integer':
      return `a whole number${inRange(parameter)}`
    case 'number':
      return `a number${inRange(parameter)}`
    default:
      return unreachable(parameter)
  }
}

function inRange(given: { readonly minimum?: number; readonly maximum?: number }): string {
  const range = rangeOf(given.minimum, given.maximum)
  return range && `: ${range}`
}

function rangeOf(least: number | undefined, most: number | undefined): string {
  if (least !== undefined && most !== undefined) return `${least} to ${most}`
  if (least !== undefined) return `${least} or more`
  return most === undefined ? '' : `${most} or less`
}
