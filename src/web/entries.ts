import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Config } from '../config.ts'
import { describe, MillraceError } from '../errors.ts'
import type { Log } from '../log.ts'
import { formatLsn } from '../position.ts'
import { toJson } from '../view/json.ts'
import { batchPathOf } from '../view/paths.ts'
import type { View } from '../view/view.ts'
import { entriesSchema, entrySchema, idsMax } from './entries-schema.ts'
import { keyRule, parseKey, parseParts, spelledRule } from './entry-key.ts'
import { etagOf, matchesNone } from './etag.ts'
import { sendProblem } from './problem.ts'
import type { ReadAnswer, ReadQueue } from './read-queue.ts'
import { notServing } from './statuses.ts'

export type EntriesOptions = {
  readonly view: View
  readonly reads: Pick<ReadQueue, 'read'>
  readonly onDoubt: Config['onDoubt']
  readonly log: Log
}

type Served = Extract<ReadAnswer, { kind: 'serving' }>

/** `GET /users/:userId` and `GET /users?ids=1,2`, as the view's `serve` has them; `HEAD` with both. */
export function addEntries(app: FastifyInstance, route: string, options: EntriesOptions): void {
  const { view } = options
  type ByKey = { Params: Readonly<Record<string, string>> }
  app.get<ByKey>(route, { schema: entrySchema(view) }, (request, reply) => {
    const parts = view.key.map(({ name }) => request.params[name]!)
    const key = parseParts(view, parts)
    if (key === undefined) return badKey(reply, keyRule(view), request.url)
    return answerEntry({ request, reply, key }, options)
  })
  const all = batchPathOf(route)
  if (all === undefined) return
  type ByIds = { Querystring: { ids?: string | string[] } }
  app.get<ByIds>(all, { schema: entriesSchema(view, route) }, (request, reply) =>
    answerEntries({ request, reply, ids: request.query.ids }, options),
  )
}

type Asked = { readonly request: FastifyRequest; readonly reply: FastifyReply }

/** Answers the entry whose key the request has in one text. */
export function answerSpelled(
  { request, reply, text }: Asked & { readonly text: string },
  options: EntriesOptions,
): FastifyReply | Promise<FastifyReply> {
  const key = parseKey(options.view, text)
  if (key === undefined) return badKey(reply, spelledRule(options.view), request.url)
  return answerEntry({ request, reply, key }, options)
}

async function answerEntry(
  { request, reply, key }: Asked & { readonly key: string },
  options: EntriesOptions,
): Promise<FastifyReply> {
  const { view } = options
  const instance = request.url
  const read = await readServed({ request, reply }, [key], options)
  if (!read) return reply
  const [entry] = read.entries
  if (!entry) {
    const detail = `The view ${view.name} has no entry ${key}.`
    return sendProblem(reply, { status: 404, kind: 'entry-not-found', detail, instance })
  }
  return sendBody({ request, reply }, toJson(read.view, entry))
}

async function answerEntries(
  { request, reply, ids }: Asked & { readonly ids: string | string[] | undefined },
  options: EntriesOptions,
): Promise<FastifyReply> {
  const { view } = options
  const texts = typeof ids === 'string' ? ids.split(',') : []
  const parsed = texts.map((text) => (text === '' ? undefined : parseKey(view, text)))
  const keys = [...new Set(parsed.filter((key) => key !== undefined))]
  if (texts.length === 0 || texts.length > idsMax || parsed.includes(undefined)) {
    const detail = `ids has 1 to ${idsMax} keys with commas between them. ${spelledRule(view)}`
    return badKey(reply, detail, request.url)
  }
  const read = await readServed({ request, reply }, keys, options)
  if (!read) return reply
  const found = read.entries.flatMap((entry) => (entry ? [toJson(read.view, entry)] : []))
  const missing = keys.filter((_, index) => !read.entries[index])
  return sendBody({ request, reply }, { found, missing })
}

/** Entries of one moment; undefined where a problem was sent instead. */
async function readServed(
  { request, reply }: Asked,
  keys: readonly string[],
  { view, reads, onDoubt, log }: EntriesOptions,
): Promise<Served | undefined> {
  const instance = request.url
  const read = await reads.read(keys).catch((error: unknown) => failure(error, log))
  if ('code' in read) {
    refuse(reply, read, instance)
    return undefined
  }
  if (read.kind === 'unavailable') {
    const detail = `The view ${view.name} ${notServing(read.phase)}.`
    reply.header('retry-after', '2')
    sendProblem(reply, { status: 503, kind: 'view-not-serving', detail, instance })
    return undefined
  }
  tellHowRight(reply, read)
  if (onDoubt === 'refuse' && read.doubts.length > 0) {
    const detail = `Entries of the view ${view.name} may be wrong: ${read.doubts.join(', ')}.`
    reply.header('retry-after', '10')
    sendProblem(reply, { status: 503, kind: 'view-in-doubt', detail, instance })
    return undefined
  }
  return read
}

function sendBody(
  { request, reply }: Asked,
  content: Readonly<Record<string, unknown>>,
): FastifyReply {
  const body = reply.serializeInput(content, '200') as string
  const etag = etagOf(body)
  reply.header('etag', etag).header('cache-control', 'no-cache')
  if (!matchesNone(request.headers['if-none-match'], etag)) return reply.code(304).send()
  return reply.type('application/json; charset=utf-8').send(body)
}

function badKey(reply: FastifyReply, detail: string, instance: string): FastifyReply {
  return sendProblem(reply, { status: 400, kind: 'bad-key', detail, instance })
}

function tellHowRight(reply: FastifyReply, { watermark, ageMs, doubts }: Served): void {
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
