import type { FastifyInstance } from 'fastify'
import { answerSpelled, unchecked, type EntriesOptions } from './entries.ts'
import { problemResponse, sendProblem } from './problem.ts'

type ByName = { Params: { readonly view: string; readonly key: string } }

/** `GET /views/:view/:key`: entries of every view, also of those that are not public. */
export function addOperators(app: FastifyInstance, views: readonly EntriesOptions[]): void {
  const byName = new Map(views.map((each) => [each.view.name, each]))
  const text = { type: 'string' }
  const schema = {
    summary: 'An entry of any view, for operators',
    params: { type: 'object', properties: { view: text, key: text } },
    response: {
      200: { description: 'The entry', type: 'object', additionalProperties: true },
      404: problemResponse('There is no such view, or no such entry'),
    },
  }
  app.get<ByName>('/views/:view/:key', { schema, ...unchecked }, (request, reply) => {
    const { view, key } = request.params
    const options = byName.get(view)
    if (options) return answerSpelled({ request, reply, text: key }, options)
    const detail = `There is no view ${view}. There are ${[...byName.keys()].join(', ')}.`
    return sendProblem(reply, { status: 404, detail, instance: request.url })
  })
}
