import { jsonSchemaOf } from '../view/json.ts'
import type { Respond } from '../view/respond.ts'
import type { View } from '../view/view.ts'
import { keyFormOf } from '../types/windows.ts'
import { spelledRule } from './entry-key.ts'
import { problemResponse } from './problem.ts'
import { querySchema } from './query.ts'

/** Keys of one batch at most. */
export const idsMax = 100

const serving = {
  'Millrace-Watermark': {
    type: 'string',
    description: 'LSN of the source up to which every committed change is in the answer',
  },
  'Millrace-Age-Ms': {
    type: 'integer',
    description:
      'How long ago, in milliseconds, everything committed then was known to be in the view',
  },
  'Millrace-Doubt': {
    type: 'string',
    description:
      'Why the answer may be wrong, as codes separated by commas, until every entry was compared ' +
      'with the source again. Absent while there is no doubt.',
  },
}

const headers = { ...serving, ETag: { type: 'string', description: 'Hash of the content' } }

export function entrySchema(view: View): object {
  return {
    summary: `An entry of ${view.name}, as SQL over the source would answer`,
    tags: [view.name],
    params: { type: 'object', properties: partsSchema(view) },
    headers: conditional,
    response: {
      200: { description: 'The entry', headers, ...jsonSchemaOf(view) },
      404: problemResponse('There is no such entry', serving),
      ...others,
    },
  }
}

/** Of a view whose answers a function makes. */
export function respondSchema(view: View, { query, schema }: Respond): object {
  const made = schema ?? { description: 'JSON' }
  return {
    summary: `What ${view.name} answers for an entry`,
    tags: [view.name],
    params: { type: 'object', properties: partsSchema(view) },
    querystring: querySchema(query),
    headers: conditional,
    response: {
      200: {
        description: 'What is made of the entry, and of all that is read with it',
        headers,
        content: { 'application/json': { schema: made } },
      },
      404: problemResponse('There is nothing for that key', serving),
      ...others,
      400: problemResponse('Not a key, or not a query'),
      500: problemResponse('The answer could not be made', serving),
    },
  }
}

/** `route` is that of one entry. */
export function entriesSchema(view: View, route: string): object {
  const ids = {
    type: 'string',
    description: `1 to ${idsMax} keys with commas between them. ${spelledRule(view)}`,
  }
  return {
    summary: `Entries of ${view.name}, of one moment`,
    tags: [view.name],
    querystring: { type: 'object', required: ['ids'], properties: { ids } },
    headers: conditional,
    response: {
      200: {
        description: `Those that there are, each as ${route} answers it, in the order of their keys in the question`,
        headers,
        type: 'object',
        required: ['found', 'missing'],
        additionalProperties: false,
        properties: {
          found: { type: 'array', items: jsonSchemaOf(view) },
          missing: { type: 'array', items: { type: 'string', description: spelledRule(view) } },
        },
      },
      ...others,
    },
  }
}

function partsSchema({ key }: View): Readonly<Record<string, object>> {
  return Object.fromEntries(
    key.map((part) => [part.name, { type: 'string', description: keyFormOf(part).words }]),
  )
}

const conditional = { type: 'object', properties: { 'If-None-Match': { type: 'string' } } }

const others = {
  304: { description: 'Not changed since the answer with that ETag', headers, type: 'null' },
  400: problemResponse('Not a key'),
  503: problemResponse(
    'The view is not complete, or not kept as this server declares it, or the store is away ' +
      'or too slow, or holds something else where the entry should be, or more is asked than can ' +
      'be answered in time: try again after Retry-After. In doubt, where the server is set to ' +
      'refuse: then with the headers of an answer.',
    { 'Retry-After': { type: 'integer', description: 'Seconds' }, ...serving },
  ),
}
