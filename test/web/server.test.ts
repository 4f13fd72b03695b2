import { Ajv2020 } from 'ajv/dist/2020.js'
import type { FastifyInstance } from 'fastify'
import type { ViewStore } from '../../src/store/store.ts'
import { memoryStore } from '../../src/store/memory/memory-store.ts'
import { apiOver, change, moveWatermark, servingStore, user } from './support.ts'
import { userInformation } from '../../src/views/user-information.ts'

let store: ViewStore
let app: FastifyInstance

beforeEach(async () => {
  store = await servingStore([
    user('42', { name: 'Ada', description: '"quotes", \u2028 and 🦀' }),
    user('9007199254740992', { name: 'even' }),
    user('9007199254740993', { name: 'odd' }),
    user('-5'),
    { entry: '7', put: undefined, add: { followerCount: 3n } },
  ])
  await change(store, [{ entry: '42', put: undefined, add: { tweetCount: 2n, likeCount: -1n } }])
  app = (await apiOver(store.reader)).app
})

afterEach(async () => {
  await app.close()
})

const get = (url: string, headers: Readonly<Record<string, string>> = {}) =>
  app.inject({ url, headers })

type Described = { paths: Record<string, { get: { responses: Record<string, Described200> } }> }
type Described200 = { content: { 'application/json': { schema: object } } }

test('GET /users/:userId answers thirteen fields, SQL nulls as null and a broken counter as 0', async () => {
  const answer = await get('/users/42')
  expect(answer.statusCode).toBe(200)
  expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
  expect(answer.headers['cache-control']).toBe('no-cache')
  expect(answer.headers['millrace-watermark']).toBe('16/B374D848')
  expect(answer.json()).toEqual({
    userId: '42',
    username: 'user42',
    name: 'Ada',
    description: '"quotes", \u2028 and 🦀',
    location: null,
    webPageUrl: null,
    joinedDate: '2026-11-21T10:18:00.123456Z',
    profileImageUrl: null,
    backgroundImageUrl: null,
    tweetCount: 2,
    followingCount: 0,
    followerCount: 0,
    likeCount: 0,
  })
})

test('GET /users/:userId tells neighbours beyond 2^53 apart, and knows negative ids', async () => {
  expect((await get('/users/9007199254740992')).json()).toMatchObject({ name: 'even' })
  expect((await get('/users/9007199254740993')).json()).toMatchObject({ name: 'odd' })
  expect((await get('/users/-5')).json()).toMatchObject({ userId: '-5' })
  expect((await get('/users/%34%32')).json()).toMatchObject({ userId: '42' })
})

test('GET /users/:userId answers 404 where no row is, also where counters came first', async () => {
  for (const id of ['1', '7', '9223372036854775807']) {
    const answer = await get(`/users/${id}`)
    expect(answer.json()).toEqual({
      type: 'urn:problem-type:millrace:user-not-found',
      title: 'There is no such user',
      status: 404,
      detail: `No user has the id ${id}.`,
      instance: `/users/${id}`,
    })
    expect(answer.headers['content-type']).toBe('application/problem+json')
    expect(answer.headers['millrace-watermark']).toBe('16/B374D848')
  }
})

test.each([
  '01',
  '1e3',
  '+1',
  '-0',
  '12345678901234567890',
  '9223372036854775808',
  '%7Bx%7D',
  '%D9%A1%D9%A2',
  '%EF%BC%91',
  '',
  '1%2F2',
  '%00',
  '%',
  '%ZZ',
  '%C3%28',
  '1'.repeat(500),
])('GET /users/:userId answers 400 for the id %j', async (id) => {
  const answer = await get(`/users/${id}`)
  expect(answer.statusCode).toBe(400)
  expect(answer.headers['content-type']).toBe('application/problem+json')
  expect(answer.json()).toMatchObject({ status: 400, instance: `/users/${id}` })
})

test('GET /users/:userId answers HEAD as GET, without the content', async () => {
  const [head, whole] = [
    await app.inject({ method: 'HEAD', url: '/users/42' }),
    await get('/users/42'),
  ]
  expect(head.statusCode).toBe(200)
  expect(head.body).toBe('')
  expect(head.headers['etag']).toBe(whole.headers['etag'])
  expect(head.headers['content-length']).toBe(whole.headers['content-length'])
})

test('GET /users/:userId answers 304 while the content is the same, whatever the watermark', async () => {
  const etag = String((await get('/users/42')).headers['etag'])
  await moveWatermark(store, '17/0')
  const same = await get('/users/42', { 'if-none-match': `"other", W/${etag}` })
  expect(same.statusCode).toBe(304)
  expect(same.body).toBe('')
  expect(same.headers['etag']).toBe(etag)
  expect(same.headers['cache-control']).toBe('no-cache')
  expect(same.headers['millrace-watermark']).toBe('17/0')
  expect((await get('/users/42', { 'if-none-match': '*' })).statusCode).toBe(304)
  await change(store, [{ entry: '42', put: undefined, add: { tweetCount: 1n } }])
  const changed = await get('/users/42', { 'if-none-match': etag })
  expect(changed.statusCode).toBe(200)
  expect(changed.json()).toMatchObject({ tweetCount: 3 })
})

test('GET /users/:userId answers 503 with Retry-After while no generation serves', async () => {
  const empty = (await apiOver(memoryStore(userInformation.layout).reader)).app
  const seen = (await store.writer.generation())?.id
  for await (const _ of store.coordination.drop(seen)) {
    const answer = await get('/users/42')
    expect(answer.statusCode).toBe(503)
    expect(answer.headers['retry-after']).toBe('2')
    expect(answer.json()).toMatchObject({
      type: 'urn:problem-type:millrace:view-not-serving',
      detail: expect.stringContaining('dropped'),
    })
  }
  const answer = await empty.inject('/users/42')
  expect(answer.json()).toMatchObject({
    status: 503,
    detail: expect.stringContaining('not been built'),
  })
  await empty.close()
})

describe('everything else', () => {
  test('answers 404 for a path that nothing serves', async () => {
    for (const path of ['/', '/users', '/users/1/tweets', '/users/1/', '/USERS/1', '/ready/x']) {
      const answer = await get(path)
      expect(answer.json()).toMatchObject({ type: 'about:blank', title: 'Not Found', status: 404 })
      expect(answer.headers['content-type']).toBe('application/problem+json')
    }
  })

  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const)(
    'answers %s with 405 and what is allowed, before it reads a body',
    async (method) => {
      for (const url of ['/users/42', '/ready', '/health', '/openapi.json']) {
        const headers = { 'content-type': 'text/odd' }
        const answer = await app.inject({ method, url, headers, payload: 'x'.repeat(5_000) })
        expect(answer.statusCode).toBe(405)
        expect(answer.headers['allow']).toBe('GET, HEAD')
        expect(answer.json()).toMatchObject({ status: 405, title: 'Method Not Allowed' })
      }
    },
  )

  test('refuses a URL that is too long', async () => {
    const answer = await get(`/users/1?${'x'.repeat(3_000)}`)
    expect(answer.json()).toMatchObject({ status: 414 })
  })

  test('describes every answer in /openapi.json, and keeps to it', async () => {
    const described = (await get('/openapi.json')).json<Described>()
    expect(Object.keys(described.paths).toSorted()).toEqual([
      '/health',
      '/ready',
      '/users/{userId}',
    ])
    const responses = described.paths['/users/{userId}']!.get.responses
    expect(Object.keys(responses)).toEqual(['200', '304', '400', '404', '503'])
    const { schema } = responses['200']!.content['application/json']
    const valid = new Ajv2020({ strict: false }).compile(schema)
    expect(valid((await get('/users/42')).json())).toBe(true)
    expect(valid({ userId: 42 })).toBe(false)
  })

  test('says that it is alive', async () => {
    expect((await get('/health')).json()).toEqual({ status: 'alive' })
  })
})
