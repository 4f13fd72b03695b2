import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Config } from '../config.ts'
import { describe, MillraceError } from '../errors.ts'
import type { Log } from '../log.ts'
import { formatLsn } from '../position.ts'
import { jsonSchemaOf, toJson } from '../view/json.ts'
import type { View } from '../view/view.ts'
import { etagOf, matchesNone } from './etag.ts'
import { problemResponse, sendProblem } from './problem.ts'
import type { ReadAnswer, ReadQueue } from './read-queue.ts'
import { notServing } from './statuses.ts'
import { parseUserId } from './user-id.ts'

export type UsersOptions = {
  readonly view: View
  readonly reads: ReadQueue
  readonly onDoubt: Config['onDoubt']
  readonly log: Log
}

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
  { view, reads, onDoubt, log }: UsersOptions,
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
  tellHowRight(reply, found)
  if (onDoubt === 'refuse' && found.doubts.length > 0) {
    const detail = `Entries of the view ${view.name} may be wrong: ${found.doubts.join(', ')}.`
    reply.header('retry-after', '10')
    return sendProblem(reply, { status: 503, kind: 'view-in-doubt', detail, instance })
  }
  if (found.entry === null) {
    const detail = `No user has the id ${userId}.`
    return sendProblem(reply, { status: 404, kind: 'user-not-found', detail, instance })
  }
  const body = reply.serializeInput(toJson(found.view, found.entry), '200') as string
  const etag = etagOf(body)
  reply.header('etag', etag).header('cache-control', 'no-cache')
  if (!matchesNone(request.headers['if-none-match'], etag)) return reply.code(304).send()
  return reply.type('application/json; charset=utf-8').send(body)
}

function tellHowRight(
  reply: FastifyReply,
  { watermark, ageMs, doubts }: Extract<ReadAnswer, { kind: 'serving' }>,
): void {
  reply.header('millrace-watermark', formatLsn(watermark))
  reply.header('millrace-age-ms', String(Math.round(ageMs)))
  if (doubts.length > 0) reply.header('millrace-doubt', doubts.join(', '))
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
  if (error.code === 'declaration-unknown') {
    const detail = [error.message, error.hint ?? []].flat().join('. ')
    reply.header('retry-after', '10')
    return sendProblem(reply, { status: 503, kind: 'declaration-not-applied', detail, instance })
  }
  reply.header('retry-after', '1')
  if (error.code === 'overloaded') {
    const detail = 'More requests wait than are answered in time.'
    return sendProblem(reply, { status: 503, kind: 'overloaded', detail, instance })
  }
  const detail = 'The store that holds the view is away, or too slow to wait for.'
  return sendProblem(reply, { status: 503, kind: 'store-unavailable', detail, instance })
}

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

function schemaOf(view: View): object {
  const headers = {
    ...serving,
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
      304: { description: 'Not changed since the answer with that ETag', headers, type: 'null' },
      400: problemResponse('Not an id'),
      404: problemResponse('There is no such user', serving),
      503: problemResponse(
        'The view is not complete, or not kept as this server declares it, or the store is away ' +
          'or too slow: try again after Retry-After. In doubt, where the server is set to refuse: ' +
          'then with the headers of an answer.',
        { 'Retry-After': { type: 'integer', description: 'Seconds' }, ...serving },
      ),
    },
  }
}
