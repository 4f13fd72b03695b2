import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { describe, MillraceError } from '../errors.ts'
import type { View } from '../view/view.ts'
import type { Log } from '../log.ts'
import { formatLsn } from '../position.ts'
import { jsonSchemaOf, toJson } from '../view/json.ts'
import { notServing } from './chain-watch.ts'
import { etagOf, matchesNone } from './etag.ts'
import { problemResponse, sendProblem } from './problem.ts'
import type { ReadQueue } from './read-queue.ts'
import { parseUserId } from './user-id.ts'

export type UsersOptions = { readonly view: View; readonly reads: ReadQueue; readonly log: Log }

type ById = { Params: { userId: string } }

/** `GET /users/:userId`, and `HEAD` with it. */
export function addUsers(app: FastifyInstance, options: UsersOptions): void {
  app.get<ById>('/users/:userId', { schema: schemaOf(options.view) }, (request, reply) =>
    answer(request, reply, options),
  )
}

async function answer(
  request: FastifyRequest<ById>,
  reply: FastifyReply,
  { view, reads, log }: UsersOptions,
): Promise<FastifyReply> {
  const instance = request.url
  const userId = parseUserId(request.params.userId)
  if (userId === undefined) {
    const detail = 'An id is the plain decimal form of a 64-bit signed integer, like 42.'
    return sendProblem(reply, { status: 400, kind: 'bad-user-id', detail, instance })
  }
  const found = await reads.read(userId).catch((error: unknown) => failure(error, log))
  if ('code' in found) return refuse(reply, found, instance)
  if (found.kind === 'unavailable') {
    const detail = `The view ${view.name} ${notServing(found.phase)}.`
    reply.header('retry-after', '2')
    return sendProblem(reply, { status: 503, kind: 'view-not-serving', detail, instance })
  }
  reply.header('millrace-watermark', formatLsn(found.watermark))
  if (found.entry === null) {
    const detail = `No user has the id ${userId}.`
    return sendProblem(reply, { status: 404, kind: 'user-not-found', detail, instance })
  }
  const body = reply.serializeInput(toJson(view, found.entry), '200') as string
  const etag = etagOf(body)
  reply.header('etag', etag).header('cache-control', 'no-cache')
  if (!matchesNone(request.headers['if-none-match'], etag)) return reply.code(304).send()
  return reply.type('application/json; charset=utf-8').send(body)
}

/** A store that is away or slow is the world's fault; anything else is a bug, and the log says so. */
function failure(error: unknown, log: Log): MillraceError {
  if (error instanceof MillraceError && error.retriable) return error
  log.error({ err: error }, 'a read failed')
  return error instanceof MillraceError
    ? error
    : new MillraceError('read-failed', describe(error), { cause: error })
}

function refuse(reply: FastifyReply, error: MillraceError, instance: string): FastifyReply {
  reply.header('retry-after', '1')
  if (error.code === 'overloaded') {
    const detail = 'More requests wait than are answered in time.'
    return sendProblem(reply, { status: 503, kind: 'overloaded', detail, instance })
  }
  const detail = 'The store that holds the view is away, or too slow to wait for.'
  return sendProblem(reply, { status: 503, kind: 'store-unavailable', detail, instance })
}

function schemaOf(view: View): object {
  const headers = {
    'Millrace-Watermark': {
      type: 'string',
      description: 'LSN of the source up to which every committed change is in the answer',
    },
    ETag: { type: 'string', description: 'Hash of the content' },
  }
  return {
    summary: 'A profile and its counters, as SQL over the source would answer',
    params: {
      type: 'object',
      properties: {
        userId: { type: 'string', description: 'Decimal form of a 64-bit signed integer' },
      },
    },
    headers: { type: 'object', properties: { 'If-None-Match': { type: 'string' } } },
    response: {
      200: { description: 'The user', headers, ...jsonSchemaOf(view) },
      304: { description: 'Not changed since the answer with that ETag', type: 'null' },
      400: problemResponse('Not an id'),
      404: problemResponse('There is no such user'),
      503: problemResponse('No complete view, or the store is away: try again after Retry-After'),
    },
  }
}
