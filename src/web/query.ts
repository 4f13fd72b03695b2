/** Parameters that a `respond` takes, for the server and in words. */
import type { FastifySchemaValidationError } from 'fastify/types/schema.js'
import { unreachable } from '../errors.ts'
import { didYouMean, nearest } from '../nearest.ts'
import type { QueryDeclaration, QueryParameter } from '../view/respond.ts'

export function querySchema(query: QueryDeclaration): object {
  return { type: 'object', additionalProperties: false, properties: query }
}

/** The server's validation takes `1e999` for a number, and holds it to no bounds. */
export function infiniteFault(query: QueryDeclaration, given: object): string | undefined {
  for (const [name, value] of Object.entries(given)) {
    const isInfinite = value === Infinity || value === -Infinity
    if (isInfinite) return `${name} is ${wordsOf(query[name]!)}.`
  }
  return undefined
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
