import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Config } from '../config.ts'
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
import { doubted, notServed, readFailure, refusalOf, refuse } from './refusals.ts'

export type EntriesOptions = {
  readonly view: View
  readonly reads: Pick<ReadQueue, 'read'>
  readonly onDoubt: Config['onDoubt']
  readonly log: Log
}

type Served = Extract<ReadAnswer, { kind: 'serving' }>

/** How right an answer is. */
export type Standing = Pick<Served, 'watermark' | 'ageMs' | 'doubts'>

/** Reading a key is the check; a schema of it is for people. */
export const unchecked = { validatorCompiler: () => () => true }

/** `GET /users/:userId` and `GET /users?ids=1,2`, as the view's `serve` has them; `HEAD` with both. */
export function addEntries(app: FastifyInstance, route: string, options: EntriesOptions): void {
  const { view } = options
  type ByKey = { Params: Readonly<Record<string, string>> }
  app.get<ByKey>(route, { schema: entrySchema(view), ...unchecked }, (request, reply) => {
    const parts = view.key.map(({ name }) => request.params[name]!)
    const key = parseParts(view, parts)
    if (key === undefined) return badKey(reply, keyRule(view), request.url)
    return answerEntry({ request, reply, key }, options)
  })
  const all = batchPathOf(route)
  if (all === undefined) return
  type ByIds = { Querystring: { ids?: string | string[] } }
  app.get<ByIds>(all, { schema: entriesSchema(view, route), ...unchecked }, (request, reply) =>
    answerEntries({ request, reply, ids: request.query.ids }, options),
  )
}

export type Asked = { readonly request: FastifyRequest; readonly reply: FastifyReply }

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
  const read = await readServed({ request, reply }, [key], options)
  if (!read) return reply
  const [entry] = read.entries
  if (!entry) return notFound({ request, reply }, view, key)
  return sendContent({ request, reply }, toJson(read.view, entry, read.looked))
}

async function answerEntries(
  { request, reply, ids }: Asked & { readonly ids: string | string[] | undefined },
  options: EntriesOptions,
): Promise<FastifyReply> {
  const { view } = options
  const texts = typeof ids === 'string' ? ids.split(',') : []
  const keys = [...new Set(texts.flatMap((text) => parseKey(view, text) ?? []))]
  const isFit = texts.every((text) => text !== '' && parseKey(view, text) !== undefined)
  if (texts.length === 0 || texts.length > idsMax || !isFit) {
    const detail = `ids has 1 to ${idsMax} keys with commas between them. ${spelledRule(view)}`
    return badKey(reply, detail, request.url)
  }
  const read = await readServed({ request, reply }, keys, options)
  if (!read) return reply
  const found = read.entries.flatMap((entry) =>
    entry ? [toJson(read.view, entry, read.looked)] : [],
  )
  const missing = keys.filter((_, index) => !read.entries[index])
  return sendContent({ request, reply }, { found, missing })
}

/** Entries of one moment; undefined where a problem was sent instead. */
export async function readServed(
  { request, reply }: Asked,
  keys: readonly string[],
  { view, reads, onDoubt, log }: EntriesOptions,
): Promise<Served | undefined> {
  const instance = request.url
  const read = await reads.read(keys).catch((error: unknown) => readFailure(error, log))
  if ('code' in read) {
    refuse(reply, refusalOf(read), instance)
    return undefined
  }
  if (read.kind === 'unavailable') {
    refuse(reply, notServed(read.name ?? view.name, read.phase), instance)
    return undefined
  }
  tellHowRight(reply, read)
  if (onDoubt === 'refuse' && read.doubts.length > 0) {
    refuse(reply, doubted(view.name, read.doubts), instance)
    return undefined
  }
  return read
}

export function notFound({ request, reply }: Asked, view: View, key: string): FastifyReply {
  const detail = `The view ${view.name} has no entry ${key}.`
  return sendProblem(reply, {
    status: 404,
    kind: 'entry-not-found',
    detail,
    instance: request.url,
  })
}

/** `body` is JSON. */
export function sendBody({ request, reply }: Asked, body: string): FastifyReply {
  const etag = etagOf(body)
  reply.header('etag', etag).header('cache-control', 'no-cache')
  if (!matchesNone(request.headers['if-none-match'], etag)) return reply.code(304).send()
  return reply.type('application/json; charset=utf-8').send(body)
}

function sendContent(asked: Asked, content: Readonly<Record<string, unknown>>): FastifyReply {
  return sendBody(asked, asked.reply.serializeInput(content, '200') as string)
}

export function badKey(reply: FastifyReply, detail: string, instance: string): FastifyReply {
  return sendProblem(reply, { status: 400, kind: 'bad-key', detail, instance })
}

export function tellHowRight(reply: FastifyReply, { watermark, ageMs, doubts }: Standing): void {
  reply.header('millrace-watermark', formatLsn(watermark))
  reply.header('millrace-age-ms', String(Math.round(ageMs)))
  if (doubts.length > 0) reply.header('millrace-doubt', doubts.join(', '))
}
