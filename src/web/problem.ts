import { STATUS_CODES } from 'node:http'
import type { FastifyReply } from 'fastify'

/** A problem document of RFC 9457; `instance` is the path that was asked for. */
export type Problem = {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly instance: string
}

export type ProblemOptions = {
  readonly status: number
  /** What went wrong, for machines; left out, the status alone says it. */
  readonly kind?: ProblemKind
  readonly detail: string
  readonly instance: string
}

export type ProblemKind = keyof typeof titles

const titles = {
  'bad-key': 'That is no key of the view',
  'entry-not-found': 'There is no such entry',
  'bad-query': 'That is no query of the path',
  'view-not-serving': 'The view is not complete',
  'view-in-doubt': 'The view may be wrong',
  'declaration-not-applied': 'The view is not kept as this server declares it',
  'store-unavailable': 'The store can not be read',
  'entry-unreadable': 'The store holds something else there',
  overloaded: 'Too many requests at once',
  'respond-timeout': 'The answer took too long to make',
  'respond-failed': 'The answer could not be made',
}

export const problemMediaType = 'application/problem+json'

export const problemSchema = {
  $id: 'Problem',
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'instance'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    instance: { type: 'string' },
  },
}

export function problemOf({ status, kind, detail, instance }: ProblemOptions): Problem {
  const type = kind === undefined ? 'about:blank' : `urn:problem-type:millrace:${kind}`
  const title = kind === undefined ? (STATUS_CODES[status] ?? 'Error') : titles[kind]
  return { type, title, status, detail, instance }
}

/**
 * Answers with a problem document that no cache may keep. As bytes, for fastify would add a charset
 * to text, a parameter that this media type does not have.
 */
export function sendProblem(reply: FastifyReply, options: ProblemOptions): FastifyReply {
  return reply
    .code(options.status)
    .header('cache-control', 'no-store')
    .header('content-type', problemMediaType)
    .send(Buffer.from(JSON.stringify(problemOf(options))))
}

/** One `response` of a route's schema. */
export function problemResponse(description: string, headers: object = {}): object {
  return { description, headers, content: { [problemMediaType]: { schema: { $ref: 'Problem#' } } } }
}
