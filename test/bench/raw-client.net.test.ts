import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { measureReads } from '../../src/bench/reads.ts'
import { RawClient } from '../../src/bench/raw-client.ts'

let server: Server
let api: string
let answer: (path: string) => { status: number; body: string; afterMs?: number }

beforeEach(async () => {
  server = createServer((request, response) => {
    const { status, body, afterMs = 0 } = answer(request.url ?? '')
    setTimeout(() => {
      response.writeHead(status, { 'content-length': Buffer.byteLength(body) })
      // In two pieces, as a network may bring them.
      response.write(body.slice(0, 1))
      setTimeout(() => response.end(body.slice(1)), 1)
    }, afterMs)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  api = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})

afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

test('one connection carries one whole answer after another', async () => {
  answer = (path) => ({ status: path === '/none' ? 404 : 200, body: `${path} é 🦀` })
  const client = await RawClient.open(api)
  expect(await client.get('/a')).toEqual({ status: 200, body: '/a é 🦀' })
  expect(await client.get('/none')).toEqual({ status: 404, body: '/none é 🦀' })
  server.closeAllConnections()
  await expect(client.get('/b')).rejects.toMatchObject({ code: 'api-away' })
  client.close()
})

const load = { paths: ['/a', '/b'], connections: 8, signal: new AbortController().signal }

test('reads are paced evenly and counted', async () => {
  answer = () => ({ status: 200, body: '{}' })
  const result = await measureReads({ ...load, api, rate: 200, forMs: 1_000 })
  expect([...result.statuses]).toEqual([[200, 200]])
  expect([result.answered.count, result.lateness.count, result.failures]).toEqual([200, 200, 0])
})

test('an answer that takes its time counts against those that waited for it', async () => {
  answer = () => ({ status: 200, body: '{}', afterMs: 100 })
  const result = await measureReads({ ...load, api, connections: 1, rate: 50, forMs: 400 })
  // Twenty requests one after another take 2 s, so the last one waited for more than a second.
  expect(Number(/max ([\d.]+)/.exec(result.answered.summary())?.[1])).toBeGreaterThan(1_000)
})
