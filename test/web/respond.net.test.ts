/** How long a `respond` may take, and who waits for it. */
import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import type { Config } from '../../src/config.ts'
import { ownView } from '../../src/coordinate/view-plan.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { defineView, from } from '../../src/view/define-view.ts'
import type { Asked } from '../../src/view/respond.ts'
import { apiOver, servingStore } from './support.ts'

type Respond = (asked: Asked<object, object, object>) => unknown

let app: FastifyInstance | undefined
/** Reads of several views together. */
let reads = 0

afterEach(async () => {
  await app?.close()
  app = undefined
  reads = 0
})

function slow(respond: Respond) {
  return defineView({
    name: 'slow',
    serve: '/slow/:id',
    key: { id: 'bigint' },
    row: from('slow', { key: 'id', fields: {} }),
    respond,
  })
}

async function answering(respond: Respond, config: Partial<Config>) {
  const declared = ownView(slow(respond))
  const store = await servingStore([], '0/10', undefined, declared)
  const reader: ViewStore['reader'] = (...args) => {
    const made = store.reader(...args)
    const together = made.readTogether.bind(made)
    made.readTogether = (parts) => {
      reads += 1
      return together(parts)
    }
    return made
  }
  ;({ app } = await apiOver({ reader }, { declared, config }))
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  return port
}

test('one that takes too long is 503, and its signal aborts', async () => {
  const signals: AbortSignal[] = []
  const port = await answering(
    async ({ signal, parts }) => {
      signals.push(signal)
      await sleep(30_000, undefined, { signal, ref: false }).catch(() => undefined)
      return parts
    },
    { respondTimeoutMs: 200 },
  )
  const begunMs = performance.now()
  const answer = await fetch(`http://127.0.0.1:${port}/slow/1`)
  expect(performance.now() - begunMs).toBeLessThan(15_000)
  expect(answer.headers.get('retry-after')).toBe('1')
  expect(answer.headers.get('content-type')).toBe('application/problem+json')
  expect(await answer.json()).toMatchObject({
    type: 'urn:problem-type:millrace:respond-timeout',
    status: 503,
    detail: 'What slow answers here took longer than 200 ms to make.',
  })
  expect(signals.map(({ aborted }) => aborted)).toEqual([true])
})

test('one that goes on after its time reads nothing more', async () => {
  const { promise: ended, resolve } = Promise.withResolvers<unknown>()
  const port = await answering(
    async ({ signal, read }) => {
      await sleep(30_000, undefined, { signal, ref: false }).catch(() => undefined)
      resolve(
        await read([{ view: slow(() => 1), keys: ['1'] }]).catch((error: Error) => error.name),
      )
      throw new Error('nobody hears that')
    },
    { respondTimeoutMs: 100 },
  )
  expect((await fetch(`http://127.0.0.1:${port}/slow/1`)).status).toBe(503)
  expect([await ended, reads]).toEqual(['AbortError', 0])
})

test('a reader that leaves aborts the signal', async () => {
  const { promise: begun, resolve: begin } = Promise.withResolvers<AbortSignal>()
  const port = await answering(
    async ({ signal }) => {
      begin(signal)
      await once(signal, 'abort')
      return null
    },
    { respondTimeoutMs: 30_000 },
  )
  const socket = connect({ host: '127.0.0.1', port })
  socket.write('GET /slow/1 HTTP/1.1\r\nHost: x\r\n\r\n')
  const signal = await begun
  expect(signal.aborted).toBe(false)
  const aborted = once(signal, 'abort')
  socket.destroy()
  await aborted
  expect(signal.reason).toMatchObject({ name: 'AbortError' })
})

test('no more are made at once than reads may wait', async () => {
  const { promise: free, resolve: release } = Promise.withResolvers<void>()
  let underWay = 0
  const { promise: full, resolve: fill } = Promise.withResolvers<void>()
  const port = await answering(
    async () => {
      underWay += 1
      if (underWay === 3) fill()
      await free
      return {}
    },
    { apiReadsMax: 3, respondTimeoutMs: 30_000 },
  )
  const url = `http://127.0.0.1:${port}/slow/1`
  const waiting = [fetch(url), fetch(url), fetch(url)]
  await full
  const refused = await fetch(url)
  expect(await refused.json()).toMatchObject({
    type: 'urn:problem-type:millrace:overloaded',
    status: 503,
  })
  release()
  expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([200, 200, 200])
  expect((await fetch(url)).status).toBe(200)
})
