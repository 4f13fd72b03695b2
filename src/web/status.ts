import type { FastifyInstance } from 'fastify'
import type { ChainWatch } from './chain-watch.ts'

/** `GET /health`: the process is alive. `GET /ready`: the view serves and the chain moves. */
export function addStatus(app: FastifyInstance, watch: Pick<ChainWatch, 'readiness'>): void {
  app.get('/health', { schema: healthSchema }, (_request, reply) =>
    reply.header('cache-control', 'no-store').send({ status: 'alive' }),
  )
  app.get('/ready', { schema: readySchema }, (_request, reply) => {
    const readiness = watch.readiness()
    reply.header('cache-control', 'no-store')
    if (readiness.status === 'unavailable') reply.code(503).header('retry-after', '2')
    return reply.send(readiness)
  })
}

const healthSchema = {
  summary: 'Whether the process is alive',
  response: {
    200: {
      description: 'It is',
      type: 'object',
      required: ['status'],
      properties: { status: { const: 'alive' } },
    },
  },
}

const text = { type: 'string' }
const texts = { type: 'array', items: text }
const nullableText = { type: ['string', 'null'] }

const mark = {
  type: ['object', 'null'],
  description: 'Why a rebuild is due',
  required: ['code', 'reason', 'since'],
  properties: { code: text, reason: text, since: text },
}

const problem = {
  type: 'object',
  description: 'A partition that stands still',
  required: ['partition', 'code', 'message', 'hint', 'since'],
  properties: { partition: text, code: text, message: text, hint: nullableText, since: text },
}

const viewReadiness = {
  type: 'object',
  required: ['name', 'phase', 'watermark', 'ageMs', 'mark', 'parked', 'problems'],
  properties: {
    name: text,
    phase: { enum: ['serving', 'building', 'dropping', 'absent', 'unknown'] },
    watermark: nullableText,
    ageMs: {
      type: ['integer', 'null'],
      description: 'Since the watermark was first seen where it stands',
    },
    mark,
    parked: { type: 'integer', description: 'Records kept aside that could not be decoded' },
    problems: { type: 'array', items: problem },
  },
}

const readiness = {
  type: 'object',
  required: ['status', 'reasons', 'views'],
  properties: {
    status: { enum: ['ready', 'degraded', 'unavailable'] },
    reasons: texts,
    views: { type: 'array', items: viewReadiness },
  },
}

const readySchema = {
  summary: 'Whether the view serves and the whole chain moves',
  response: {
    200: {
      description: 'Both; degraded when a rebuild is due or records are parked',
      ...readiness,
    },
    503: { description: 'Not both, and why', ...readiness },
  },
}
