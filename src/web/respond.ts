import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { splitKey } from '../entry-key.ts'
import { MillraceError, unreachable } from '../errors.ts'
import { toJson } from '../view/json.ts'
import type { Asked as Given, ReadEntries, Respond } from '../view/respond.ts'
import { respondSchema } from './entries-schema.ts'
import {
  badKey,
  notFound,
  readServed,
  sendBody,
  tellHowRight,
  type Asked,
  type EntriesOptions,
} from './entries.ts'
import { keyRule, parseParts } from './entry-key.ts'
import { notingLeftAlone } from './left-alone.ts'
import { sendProblem } from './problem.ts'
import { queryFault, writtenFault } from './query.ts'
import { refusalOf, refuse, type Refusal } from './refusals.ts'
import {
  ReadRefused,
  RespondFault,
  RespondReads,
  type RespondReadsOptions,
} from './respond-reads.ts'

export type RespondOptions = EntriesOptions &
  RespondReadsOptions & {
    readonly respond: Respond
    readonly timeoutMs: number
    /** Answers that are made at once. */
    readonly answersMax: number
  }

/** `GET /listeners/:userId?days=30`: what the view's `respond` makes of the entry; `HEAD` with it. */
export function addRespond(app: FastifyInstance, route: string, options: RespondOptions): void {
  const { view, respond, answersMax } = options
  type ByKey = { Params: Readonly<Record<string, string>> }
  let underWay = 0
  const given = {
    schema: respondSchema(view, respond),
    preValidation: async (request: FastifyRequest, reply: FastifyReply) => {
      const detail = writtenFault(respond.query, request.query as Record<string, unknown>)
      if (detail === undefined) return undefined
      return sendProblem(reply, { status: 400, kind: 'bad-query', detail, instance: request.url })
    },
    schemaErrorFormatter: queryFault(respond.query),
    // What is answered is written as it is; its schema is for people.
    serializerCompiler: () => (content: unknown) => JSON.stringify(content),
  }
  app.get<ByKey>(route, given, async (request, reply) => {
    const parts = view.key.map(({ name }) => request.params[name]!)
    const key = parseParts(view, parts)
    if (key === undefined) return badKey(reply, keyRule(view), request.url)
    if (underWay >= answersMax) {
      const full = new MillraceError('overloaded', `${answersMax} answers are being made already`)
      return refuse(reply, refusalOf(full), request.url)
    }
    underWay += 1
    try {
      return await answerMade({ request, reply }, key, options)
    } finally {
      underWay -= 1
    }
  })
}

async function answerMade(
  asked: Asked,
  key: string,
  options: RespondOptions,
): Promise<FastifyReply> {
  const { request, reply } = asked
  const { view, log } = options
  const read = await readServed(asked, [key], options)
  if (!read) return reply
  const [entry] = read.entries
  const reads = new RespondReads(read, options)
  const given = {
    key,
    parts: partsOf(options, key),
    entry: entry ? toJson(read.view, entry, read.looked) : null,
    query: request.query,
  }
  const made = await make({ given, reads, reply }, options)
  tellHowRight(reply, reads.standing)
  switch (made.kind) {
    case 'body':
      return sendBody(asked, made.body)
    case 'nothing':
      return notFound(asked, view, key)
    case 'refused':
      return refuse(reply, made.refusal, request.url)
    case 'failed': {
      log.error({ view: view.name, ...made.why }, 'respond failed')
      const detail = `What ${view.name} answers here could not be made; the log says more.`
      const instance = request.url
      return sendProblem(reply, { status: 500, kind: 'respond-failed', detail, instance })
    }
    default:
      return unreachable(made)
  }
}

type Made =
  | { readonly kind: 'body'; readonly body: string }
  | { readonly kind: 'nothing' }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'failed'; readonly why: Why }

/** For the log, which is to hold no data of the entry: the words of what was thrown may. */
type Why = { readonly reason: string; readonly at?: readonly string[] }

type Making = {
  readonly given: Omit<Given<unknown, unknown, unknown>, 'read' | 'signal'>
  readonly reads: RespondReads
  readonly reply: FastifyReply
}

/** Calls the function, and waits for it for `timeoutMs` at most. */
async function make(
  { given, reads, reply }: Making,
  { view, respond, timeoutMs, log }: RespondOptions,
): Promise<Made> {
  const controller = new AbortController()
  const { signal } = controller
  const { promise: over, reject } = Promise.withResolvers<never>()
  signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  const timer = setTimeout(() => controller.abort(new Over('time')), timeoutMs)
  const leave = () => controller.abort(new Over('reader'))
  reply.raw.once('close', leave)
  const read = ((questions) => reads.read(questions, signal)) as ReadEntries
  const call = respond.answer as (asked: Given<unknown, unknown, unknown>) => unknown
  const run = async () => call({ ...given, read, signal })
  const note = (error: unknown) => noteLeftAlone(error, { view, log })
  try {
    return bodyOf(await Promise.race([notingLeftAlone(note, run), over]))
  } catch (error) {
    if (signal.aborted) {
      const { reason } = signal as { readonly reason: unknown }
      const isLate = reason instanceof Over && reason.what === 'time'
      if (isLate) log.warn({ view: view.name, timeoutMs }, 'respond took too long')
      return { kind: 'refused', refusal: late(view.name, timeoutMs) }
    }
    if (error instanceof ReadRefused) return { kind: 'refused', refusal: error.refusal }
    return { kind: 'failed', why: whyOf(error) }
  } finally {
    clearTimeout(timer)
    reply.raw.off('close', leave)
  }
}

/** The time is over, or the reader is gone. */
class Over extends Error {
  readonly what: 'time' | 'reader'

  constructor(what: 'time' | 'reader') {
    super(what === 'time' ? 'the time for the answer is over' : 'nobody waits for the answer')
    this.name = 'AbortError'
    this.what = what
  }
}

function bodyOf(answer: unknown): Made {
  if (answer === null) return { kind: 'nothing' }
  const body: string | undefined = JSON.stringify(answer)
  if (body === undefined) throw new RespondFault(`it answered ${typeof answer}, which is no JSON`)
  return { kind: 'body', body }
}

/** What a read says was told where the answer waited for it. */
function noteLeftAlone(error: unknown, { view, log }: Pick<RespondOptions, 'view' | 'log'>): void {
  if (error instanceof ReadRefused || error instanceof Over) return
  log.error({ view: view.name, ...whyOf(error) }, 'respond did not wait for what has failed')
}

function late(view: string, timeoutMs: number): Refusal {
  const detail = `What ${view} answers here took longer than ${timeoutMs} ms to make.`
  return { kind: 'respond-timeout', detail, afterSeconds: 1 }
}

function whyOf(error: unknown): Why {
  if (error instanceof RespondFault) return { reason: error.message }
  if (!(error instanceof Error)) return { reason: `it threw ${typeof error}` }
  const frames = (error.stack ?? '').split('\n').filter((line) => /^ +at /.test(line))
  return { reason: `it threw ${error.name}`, at: frames.slice(0, 5).map((line) => line.trim()) }
}

function partsOf({ view }: RespondOptions, key: string): Readonly<Record<string, string>> {
  const parts = splitKey(key, view.key.length)!
  return Object.fromEntries(view.key.map(({ name }, at) => [name, parts[at]!]))
}
