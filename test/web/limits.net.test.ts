import { once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import type { FastifyInstance } from 'fastify'
import type { Config } from '../../src/config.ts'
import type { ReadResult, ViewReader } from '../../src/store/reader.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { apiOver, servingStore, user } from './support.ts'

let store: ViewStore
let app: FastifyInstance
let port: number
const sockets = new Set<Socket>()
/** Limits are set to a fraction of a second, or stand at a minute: in between, a machine is busy. */
const timeoutMs = 30_000

async function listen(config: Partial<Config>, read?: (reader: ViewReader) => ViewReader['read']) {
  app = (await apiOver({ reader: (...args) => readingBy(store.reader(...args), read) }, { config }))
    .app
  await app.listen({ host: '127.0.0.1', port: 0 })
  port = (app.server.address() as AddressInfo).port
}

function readingBy(
  reader: ViewReader,
  read: (reader: ViewReader) => ViewReader['read'] = () => reader.read.bind(reader),
): ViewReader {
  return {
    read: read(reader),
    readTogether: reader.readTogether.bind(reader),
    status: reader.status.bind(reader),
    parked: reader.parked.bind(reader),
    clearParked: reader.clearParked.bind(reader),
    displaced: reader.displaced.bind(reader),
  }
}

/** A raw client; `all` is what it got until the server ended the connection. */
async function client(text: string): Promise<{ socket: Socket; all: Promise<string> }> {
  const socket = connect({ host: '127.0.0.1', port })
  sockets.add(socket)
  socket.on('error', () => undefined)
  const parts: Buffer[] = []
  socket.on('data', (part: Buffer) => parts.push(part))
  const all = new Promise<string>((resolve) => {
    socket.once('close', () => resolve(Buffer.concat(parts).toString()))
  })
  await once(socket, 'connect')
  socket.write(text)
  return { socket, all }
}

beforeEach(async () => {
  store = await servingStore([user('42')])
})

afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  sockets.clear()
  app.server.closeAllConnections()
  await app.close()
})

describe('clients that take their time', () => {
  test(
    'are cut off when their headers do not come',
    async () => {
      await listen({ apiHeadersTimeoutMs: 200 })
      const began = performance.now()
      const { all } = await client('GET /users/42 HTTP/1.1\r\nHost: x\r\nX-Slow: ')
      const answer = await all
      expect(answer).toContain('HTTP/1.1 408 Request Timeout')
      expect(answer).toContain('application/problem+json')
      expect(performance.now() - began).toBeLessThan(15_000)
    },
    timeoutMs,
  )

  test(
    'are cut off when they send nothing at all',
    async () => {
      await listen({ apiHeadersTimeoutMs: 200 })
      const began = performance.now()
      await (
        await client('')
      ).all
      expect(performance.now() - began).toBeLessThan(15_000)
    },
    timeoutMs,
  )

  test(
    'are cut off after a pause longer than keep-alive',
    async () => {
      await listen({ apiKeepAliveMs: 200 })
      const began = performance.now()
      const { all } = await client('GET /users/42 HTTP/1.1\r\nHost: x\r\n\r\n')
      expect(await all).toContain('HTTP/1.1 200 OK')
      expect(performance.now() - began).toBeLessThan(15_000)
    },
    timeoutMs,
  )
})

describe('requests that are too large', () => {
  test(
    'are refused: headers',
    async () => {
      await listen({})
      const { all } = await client(
        `GET /users/42 HTTP/1.1\r\nHost: x\r\nX-Big: ${'x'.repeat(10_000)}\r\n\r\n`,
      )
      const answer = await all
      expect(answer).toContain('HTTP/1.1 431 Request Header Fields Too Large')
      expect(answer).toContain('"status":431')
    },
    timeoutMs,
  )

  test(
    'are refused: what is no HTTP',
    async () => {
      await listen({})
      const { all } = await client('EHLO there\r\n\r\n')
      expect(await all).toContain('HTTP/1.1 400 Bad Request')
    },
    timeoutMs,
  )
})

describe('very many clients', () => {
  test(
    'of which idle ones take no place of others, up to a bound',
    async () => {
      await listen({ apiConnectionsMax: 500 })
      const idle = await Promise.all(Array.from({ length: 500 }, () => client('')))
      const { all } = await client('GET /users/42 HTTP/1.1\r\nHost: x\r\n\r\n')
      expect(await all).toBe('')
      idle[0]!.socket.destroy()
      await idle[0]!.all
      const answer = await retried(async () => {
        const request = 'GET /users/42 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
        return (await client(request)).all
      })
      expect(answer).toContain('HTTP/1.1 200 OK')
    },
    timeoutMs,
  )

  test(
    'wait for a hung store no longer than the bound, and not in any number',
    async () => {
      const hung = () => new Promise<ReadResult>(() => undefined)
      await listen({ readTimeoutMs: 1_000, apiReadsMax: 50 }, () => hung)
      const began = performance.now()
      const url = `http://127.0.0.1:${port}/users/42`
      const answers = await Promise.all(Array.from({ length: 80 }, () => fetch(url)))
      expect(performance.now() - began).toBeLessThan(15_000)
      const kinds = await Promise.all(
        answers.map(async (answer) => ((await answer.json()) as { type: string }).type),
      )
      const count = (kind: string) => kinds.filter((type: string) => type.endsWith(kind)).length
      expect(
        answers.every(({ status, headers }) => status === 503 && headers.get('retry-after')),
      ).toBe(true)
      expect([count('store-unavailable'), count('overloaded')]).toEqual([50, 30])
      for (const path of ['/health', '/status']) {
        expect((await fetch(`http://127.0.0.1:${port}${path}`)).status).toBe(200)
      }
    },
    timeoutMs,
  )
})

test(
  'closing finishes what is under way and takes nothing new',
  async () => {
    const gate = Promise.withResolvers<void>()
    await listen({}, (reader) => (keys) => gate.promise.then(() => reader.read(keys)))
    const idle = await client('')
    const { all } = await client('GET /users/42 HTTP/1.1\r\nHost: x\r\n\r\n')
    await new Promise((resolve) => setTimeout(resolve, 50))
    const closed = app.close()
    await idle.all
    gate.resolve()
    expect(await all).toContain('HTTP/1.1 200 OK')
    await closed
    await expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toThrow('fetch failed')
  },
  timeoutMs,
)

async function retried(attempt: () => Promise<string>): Promise<string> {
  for (let tries = 0; tries < 20; tries += 1) {
    const answer = await attempt()
    if (answer !== '') return answer
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return ''
}
