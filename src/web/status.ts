import type { FastifyInstance, FastifyReply } from 'fastify'
import { freshSchema, healthSchema, readySchema, statusSchema } from './status-schema.ts'
import type { Statuses } from './statuses.ts'

/** How the process and its views are: `/health`, `/ready`, `/fresh` and `/status`. */
export function addStatus(app: FastifyInstance, statuses: Statuses): void {
  app.get('/health', { schema: healthSchema }, (_request, reply) =>
    unkept(reply).send({ status: 'alive' }),
  )
  app.get('/ready', { schema: readySchema }, (_request, reply) => {
    const readiness = statuses.readiness()
    if (readiness.status === 'unavailable') reply.code(503).header('retry-after', '2')
    return unkept(reply).send(readiness)
  })
  app.get('/fresh', { schema: freshSchema }, (_request, reply) => {
    const freshness = statuses.freshness()
    if (freshness.status === 'stale') reply.code(503)
    return unkept(reply).send(freshness)
  })
  app.get('/status', { schema: statusSchema }, (_request, reply) =>
    unkept(reply).send(statuses.status()),
  )
}

function unkept(reply: FastifyReply): FastifyReply {
  return reply.header('cache-control', 'no-store')
}
