import swagger from '@fastify/swagger'
import { fastify, type FastifyError, type FastifyInstance, type FastifyRequest } from 'fastify'
import type { FastifyReply } from 'fastify'
import type { Config } from '../config.ts'
import type { Log } from '../log.ts'
import { readWeight } from '../view/lookup.ts'
import { pathsOf } from '../view/paths.ts'
import { answerBrokenRequest } from './broken-request.ts'
import { Connections } from './connections.ts'
import { addEntries } from './entries.ts'
import { watchLeftAlone } from './left-alone.ts'
import { addOperators } from './operators.ts'
import { problemSchema, sendProblem } from './problem.ts'
import { ReadQueue } from './read-queue.ts'
import { addRespond } from './respond.ts'
import { patternOf } from './routes.ts'
import type { ServedView } from './served-view.ts'
import { addStatus } from './status.ts'
import type { Statuses } from './statuses.ts'
import { readLooking } from './together.ts'

export type ServerOptions = {
  readonly served: readonly ServedView[]
  readonly statuses: Statuses
  readonly config: WebConfig
  readonly log: Log
}

export type WebConfig = Pick<
  Config,
  | 'readTimeoutMs'
  | 'respondTimeoutMs'
  | 'onDoubt'
  | 'apiOperators'
  | 'apiReadsMax'
  | 'apiConnectionsMax'
  | 'apiHeaderBytesMax'
  | 'apiUrlCharsMax'
  | 'apiHeadersTimeoutMs'
  | 'apiSilenceTimeoutMs'
  | 'apiKeepAliveMs'
>

/** The read API, not yet listening. Every answer has a schema; `/openapi.json` is made of them. */
export async function createServer(options: ServerOptions): Promise<FastifyInstance> {
  const { served, statuses, config, log } = options
  const app = bareServer(config, log)
  app.addSchema(problemSchema)
  await app.register(swagger, openApi)
  const routes = served.flatMap(({ own }) => pathsOf(own.view))
  refuseTheRest(app, routes, { config, log })
  const { onDoubt, readTimeoutMs: timeoutMs, apiReadsMax: readsMax } = config
  const byName = new Map(served.map((each) => [each.own.view.name, each]))
  const views = served.map((each) => {
    const { view } = each.own
    const looking = { read: (keys: readonly string[]) => readLooking(each, keys, byName) }
    const bounds = { timeoutMs, readsMax, weight: readWeight(view) }
    const reads = new ReadQueue(view.lookups ? looking : each, bounds)
    return { view, reads, onDoubt, log }
  })
  for (const each of views) {
    const { serve, respond } = each.view
    if (serve === undefined) continue
    const bounds = { timeoutMs: config.respondTimeoutMs, answersMax: readsMax }
    if (respond) addRespond(app, serve, { ...each, ...bounds, respond, served: byName })
    else addEntries(app, serve, each)
  }
  if (views.some(({ view }) => view.respond)) watchLeftAlone()
  if (config.apiOperators) addOperators(app, views)
  addStatus(app, statuses)
  addOpenApi(app)
  await app.ready()
  return app
}

const openApi = {
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'Millrace',
      description: 'Reads of views that equal what SQL over the source tables would answer',
      version: '1',
    },
  },
  refResolver: {
    buildLocalReference: (json: { $id?: unknown }, _base: unknown, _fragment: string, i: number) =>
      typeof json.$id === 'string' ? json.$id : `schema-${i}`,
  },
}

/** Every wait for a client is bounded, and so is what one may send before it is refused. */
function bareServer(config: WebConfig, log: Log): FastifyInstance {
  const app = fastify({
    logger: false,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    keepAliveTimeout: config.apiKeepAliveMs,
    connectionTimeout: config.apiSilenceTimeoutMs,
    requestTimeout: config.apiHeadersTimeoutMs * 2,
    bodyLimit: 1_024,
    // Only a query is checked by its schema: parameters that are not known are refused.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: true } },
    routerOptions: { maxParamLength: config.apiUrlCharsMax },
    http: {
      maxHeaderSize: config.apiHeaderBytesMax,
      headersTimeout: config.apiHeadersTimeoutMs,
      connectionsCheckingInterval: Math.min(1_000, config.apiHeadersTimeoutMs),
    },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, request, reply) => {
      const detail = 'The path is not properly percent-encoded, or too long.'
      const status = error.statusCode ?? 400
      void sendProblem(reply, { status, detail, instance: request.url })
    },
  })
  app.server.maxConnections = config.apiConnectionsMax
  const connections = new Connections(app.server)
  app.addHook('preClose', (done) => {
    connections.drain()
    done()
  })
  if (log.isLevelEnabled('debug')) {
    app.addHook('onResponse', async (request, reply) => {
      const { method, url } = request
      log.debug({ method, url, status: reply.statusCode, ms: reply.elapsedTime }, 'answered')
    })
  }
  return app
}

/** Problem documents for what no route answers, before anything of a body is read. */
function refuseTheRest(
  app: FastifyInstance,
  routes: readonly string[],
  { config, log }: Pick<ServerOptions, 'config' | 'log'>,
): void {
  const refuseUnknown = refuserOf(app, routes.map(patternOf))
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-content-type-options', 'nosniff')
    if (request.url.length > config.apiUrlCharsMax) {
      const detail = `A URL has at most ${config.apiUrlCharsMax} characters.`
      void sendProblem(reply, { status: 414, detail, instance: '/' })
    } else if (request.is404) {
      refuseUnknown(request, reply)
    } else {
      done()
    }
  })
  app.setNotFoundHandler(refuseUnknown)
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const status = error.statusCode ?? 500
    if (status >= 500) log.error({ err: error, url: request.url }, 'a request failed')
    const detail = status < 500 ? error.message : 'The fault is ours; the log says more.'
    const kind = error.code === 'FST_ERR_VALIDATION' ? { kind: 'bad-query' as const } : {}
    return sendProblem(reply, { status, detail, instance: request.url, ...kind })
  })
}

function refuserOf(app: FastifyInstance, known: readonly RegExp[]) {
  return (request: FastifyRequest, reply: FastifyReply): void => {
    const instance = request.url
    const path = instance.split('?', 1)[0]!
    const isRoute = app.findRoute({ method: 'GET', url: path }) !== null
    if (isRoute || known.some((pattern) => pattern.test(path))) {
      const detail = `${request.method} is not among the methods that this path knows.`
      void sendProblem(reply.header('allow', 'GET, HEAD'), { status: 405, detail, instance })
    } else {
      const detail = 'Nothing is served under this path.'
      void sendProblem(reply, { status: 404, detail, instance })
    }
  }
}

function addOpenApi(app: FastifyInstance): void {
  let text: string | undefined
  const schema = { hide: true, response: { 200: { type: 'object', additionalProperties: true } } }
  app.get('/openapi.json', { schema }, (_request, reply) => {
    text ??= JSON.stringify(app.swagger())
    return reply.header('cache-control', 'no-cache').type('application/json').send(text)
  })
}
