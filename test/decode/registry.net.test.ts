import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decoder } from '../../src/decode/decoder.ts'
import { schemaRegistry } from '../../src/decode/registry.ts'
import { systemClock } from '../../src/clock.ts'
import { userInformation } from '../../examples/social/user-information.ts'
import {
  column,
  envelope,
  envelopeSchema,
  frame,
  framed,
  keySchema,
  logRecord,
  placeholder,
  tweetColumns,
} from '../support/builders.ts'

const callTimeoutMs = 300
const schemas: Record<number, unknown> = {
  1: keySchema('tweets', [column.long('tweet_id')]),
  2: envelopeSchema('tweets', tweetColumns),
}
const row = { tweet_id: 1n, user_id: 5n, text: 'x', created_at: '2026-11-21T10:18:00.123456Z' }
const key = framed(1, schemas[1] as never, { tweet_id: 1n })
const value = framed(2, schemas[2] as never, envelope({ op: 'c', after: row }))
const good = logRecord(key, value)

/** Answers as Confluent's API does. What it knows, and how it fails, is up to the test. */
class Registry {
  readonly schemas = new Map<number, unknown>()
  readonly subjects = new Set<string>()
  readonly asked: string[] = []
  fault: RequestListener | undefined
  readonly #server: Server = createServer((request, response) => {
    this.asked.push(request.url ?? '')
    if (this.fault) return this.fault(request, response)
    const id = /^\/schemas\/ids\/(\d+)$/.exec(request.url ?? '')
    const subject = /^\/subjects\/([^/]+)\/versions\/latest$/.exec(request.url ?? '')
    const schema = id && this.schemas.get(Number(id[1]))
    const known = subject && this.subjects.has(subject[1]!)
    response.writeHead(schema || known ? 200 : 404, { 'content-type': 'application/json' })
    if (schema) return response.end(JSON.stringify({ schema: JSON.stringify(schema) }))
    if (known) return response.end(JSON.stringify({ id: 1, version: 1 }))
    return response.end(JSON.stringify({ error_code: 40403, message: 'Schema not found' }))
  })

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

let registry: Registry
let url: string
let nowMs: number

beforeEach(async () => {
  registry = new Registry()
  url = await registry.start()
  nowMs = 0
  for (const id of [1, 2]) registry.schemas.set(id, schemas[id])
})

afterEach(() => registry.stop())

function tweets(unknownSchemaMs = 60_000) {
  return decoder({
    registry: schemaRegistry(url, { callTimeoutMs }),
    view: userInformation,
    table: 'tweets',
    topic: 't',
    placeholder,
    unknownSchemaMs,
    clock: { ...systemClock, monotonicMs: () => nowMs },
  })
}

const away = { code: 'registry-unavailable', retriable: true }

describe('a registry that is away', () => {
  const faults: Record<string, RequestListener> = {
    'answers 500': (_, response) => response.writeHead(500).end('{"message":"broken"}'),
    'answers 503 without a word': (_, response) => response.writeHead(503).end(),
    'answers 401': (_, response) => response.writeHead(401).end('{}'),
    'answers a page': (_, response) => response.writeHead(200).end('<html></html>'),
    'answers JSON of something else': (_, response) => response.writeHead(200).end('{}'),
    'cuts the connection': (request) => request.socket.destroy(),
    'cuts the answer': (request, response) => {
      response.writeHead(200, { 'content-length': 100 }).write('{"schema":')
      setTimeout(() => request.socket.destroy(), 20)
    },
    'never answers': () => undefined,
    'answers byte by byte': (request, response) => {
      response.writeHead(200)
      const drip = setInterval(() => response.write(' '), 50)
      request.socket.on('close', () => clearInterval(drip))
    },
  }

  test.each(Object.keys(faults))('is retried: it %s', async (name) => {
    const found = tweets()
    registry.fault = faults[name]
    const begunAt = performance.now()
    await expect(found.decode(good)).rejects.toMatchObject(away)
    expect(performance.now() - begunAt).toBeLessThan(callTimeoutMs * 3)
    registry.fault = undefined
    expect(await found.decode(good)).toMatchObject({ kind: 'change' })
  })

  test('is retried when nothing listens, and known schemas keep flowing', async () => {
    const early = tweets()
    await early.decode(good)
    await registry.stop()
    await expect(tweets().decode(good)).rejects.toMatchObject(away)
    expect(await early.decode(good)).toMatchObject({ kind: 'change' })
    registry = new Registry()
  })
})

describe('a schema that the registry does not know', () => {
  const stranger = logRecord(key, frame(77, Buffer.from('x')))

  test('is waited for, then its records are undecodable', async () => {
    const found = tweets()
    await found.decode(good)
    const waiting = { code: 'schema-unknown', retriable: true }
    await expect(found.decode(stranger)).rejects.toMatchObject(waiting)
    nowMs = 59_999
    await expect(found.decode(stranger)).rejects.toMatchObject(waiting)
    nowMs = 60_000
    expect(await found.decode(stranger)).toMatchObject({ kind: 'undecodable' })
    const asked = registry.asked.length
    expect(await found.decode(stranger)).toMatchObject({ kind: 'undecodable' })
    expect(registry.asked).toHaveLength(asked)
  })

  test('may come late', async () => {
    const found = tweets()
    await found.decode(good)
    const late = logRecord(key, frame(78, value.subarray(5)))
    await expect(found.decode(late)).rejects.toMatchObject({ code: 'schema-unknown' })
    nowMs = 60_000
    expect(await found.decode(late)).toMatchObject({ kind: 'undecodable' })
    registry.schemas.set(78, schemas[2])
    nowMs = 71_000
    expect(await found.decode(late)).toMatchObject({ kind: 'change' })
  })

  test('says nothing while the registry knows none of the topic', async () => {
    const found = tweets(0)
    registry.schemas.clear()
    await expect(found.decode(good)).rejects.toMatchObject(away)
    for (const id of [1, 2]) registry.schemas.set(id, schemas[id])
    expect(await found.decode(good)).toMatchObject({ kind: 'change' })
    registry.schemas.clear()
    await expect(found.decode(stranger)).rejects.toMatchObject(away)
  })

  test('waits anew after the registry was away', async () => {
    const found = tweets()
    await found.decode(good)
    await expect(found.decode(stranger)).rejects.toMatchObject({ code: 'schema-unknown' })
    registry.schemas.clear()
    nowMs = 60_000
    await expect(found.decode(stranger)).rejects.toMatchObject(away)
    registry.schemas.set(2, schemas[2])
    await expect(found.decode(stranger)).rejects.toMatchObject({ code: 'schema-unknown' })
  })

  test('waits anew after the registry broke', async () => {
    const found = tweets()
    await found.decode(good)
    await expect(found.decode(stranger)).rejects.toMatchObject({ code: 'schema-unknown' })
    registry.fault = (_, response) => response.writeHead(500).end()
    nowMs = 60_000
    await expect(found.decode(stranger)).rejects.toMatchObject(away)
    registry.fault = undefined
    await expect(found.decode(stranger)).rejects.toMatchObject({ code: 'schema-unknown' })
  })

  test('is known for a stranger by the subjects of the topic, when it comes first', async () => {
    registry.schemas.clear()
    registry.subjects.add('t-value')
    expect(await tweets(0).decode(stranger)).toMatchObject({ kind: 'undecodable' })
  })

  test('is the same as one that is not of Avro', async () => {
    registry.subjects.add('t-value')
    registry.schemas.set(77, { type: 'no such type' })
    expect(await tweets(0).decode(stranger)).toMatchObject({ kind: 'undecodable' })
  })
})

test('a schema is asked for once, by however many records', async () => {
  const found = tweets()
  await Promise.all(Array.from({ length: 20 }, async () => found.decode(good)))
  expect(registry.asked.filter((path) => path.endsWith('/2'))).toHaveLength(1)
})

test('a user and password go in a header, never in the path', async () => {
  let authorization: string | undefined
  registry.fault = (request, response) => {
    authorization = request.headers.authorization
    response.writeHead(404).end('{}')
  }
  const source = schemaRegistry(url.replace('//', '//ada:p%40ss@'), { callTimeoutMs })
  expect(await source.schema(1)).toBeUndefined()
  expect(authorization).toBe(`Basic ${Buffer.from('ada:p@ss').toString('base64')}`)
})
