import { Ajv2020 } from 'ajv/dist/2020.js'
import type { FastifyInstance } from 'fastify'
import { MillraceError } from '../../src/errors.ts'
import { encodePass, newLap, type PassState } from '../../src/reconcile/pass-state.ts'
import { counted, noStatistics } from '../../src/reconcile/statistics.ts'
import { memoryStore } from '../../src/store/memory/memory-store.ts'
import type { ViewReader } from '../../src/store/reader.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { userInformation } from '../../examples/social/user-information.ts'
import { Statuses } from '../../src/web/statuses.ts'
import {
  apiOver,
  begunStore,
  change,
  complete,
  declare,
  doubt,
  endDoubts,
  handClock,
  later,
  moveWatermark,
  servingStore,
  stateOf,
  storedCount,
  user,
  type HandClock,
} from './support.ts'

let clock: HandClock
let store: ViewStore
let app: FastifyInstance

beforeEach(async () => {
  clock = handClock()
  const mutations = [
    user('42', { name: 'Ada', description: '"quotes", \u2028 and 🦀' }),
    user('9007199254740992', { name: 'even' }),
    user('9007199254740993', { name: 'odd' }),
    user('-5'),
    { entry: '7', put: undefined, add: { followerCount: 3n } },
  ]
  store = await servingStore(mutations, '16/B374D848', clock)
  await change(store, [{ entry: '42', put: undefined, add: { tweetCount: 2n, likeCount: -1n } }])
  app = (await apiOver(store, { clock })).app
})

afterEach(async () => {
  await app.close()
})

const get = (url: string, headers: Readonly<Record<string, string>> = {}) =>
  app.inject({ url, headers })

type Described = {
  readonly openapi: string
  readonly paths: Record<string, { get: { responses: Record<string, DescribedAnswer> } }>
}
type DescribedAnswer = {
  readonly headers?: Record<string, unknown>
  readonly content: Record<string, { schema: object }>
}

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
      type: 'urn:problem-type:millrace:entry-not-found',
      title: 'There is no such entry',
      status: 404,
      detail: `The view user-information has no entry ${id}.`,
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

test('GET /users/:userId tells in every answer of a serving view how right it is', async () => {
  clock.passMs(2_600)
  await doubt(store)
  await doubt(store, { name: 'likes', code: 'unusable-change' })
  await doubt(store, { name: 'tweets', code: 'unusable-change' })
  const { etag } = (await get('/users/42')).headers
  const answers = [
    await get('/users/42'),
    await get('/users/1'),
    await get('/users/42', { 'if-none-match': String(etag) }),
    await app.inject({ method: 'HEAD', url: '/users/42' }),
  ]
  expect(answers.map(({ statusCode }) => statusCode)).toEqual([200, 404, 304, 200])
  for (const { headers } of answers) {
    expect(headers).toMatchObject({
      'millrace-watermark': '16/B374D848',
      'millrace-age-ms': '2600',
      'millrace-doubt': 'table-rewritten, unusable-change',
    })
  }
})

test('GET /users/:userId answers the same in doubt and after it, but for the header', async () => {
  const before = await get('/users/42')
  expect(before.headers['millrace-doubt']).toBeUndefined()
  await doubt(store)
  const during = await get('/users/42')
  expect(during.headers['millrace-doubt']).toBe('table-rewritten')
  expect([during.statusCode, during.body]).toEqual([200, before.body])
  expect(during.headers['etag']).toBe(before.headers['etag'])
  await endDoubts(store)
  expect((await get('/users/42')).headers['millrace-doubt']).toBeUndefined()
})

test('GET /users/:userId answers 503 in doubt where it is told to refuse', async () => {
  const refusing = (await apiOver(store, { config: { onDoubt: 'refuse' } })).app
  expect((await refusing.inject('/users/42')).statusCode).toBe(200)
  await doubt(store)
  for (const id of ['42', '1']) {
    const answer = await refusing.inject(`/users/${id}`)
    expect(answer.json()).toMatchObject({
      type: 'urn:problem-type:millrace:view-in-doubt',
      status: 503,
      detail: expect.stringContaining('table-rewritten'),
    })
    expect(answer.headers).toMatchObject({
      'retry-after': '10',
      'millrace-watermark': '16/B374D848',
      'millrace-doubt': 'table-rewritten',
    })
  }
  expect((await refusing.inject('/users/x')).statusCode).toBe(400)
  await endDoubts(store)
  expect((await refusing.inject('/users/42')).statusCode).toBe(200)
  await refusing.close()
})

test('GET /users/:userId answers 503 with Retry-After until the first pass has ended', async () => {
  const begun = await begunStore()
  await moveWatermark(begun, '0/9')
  for (const [empty, why] of [
    [memoryStore(), 'has not been begun'],
    [begun, 'is being built'],
  ] as const) {
    const { app: early } = await apiOver(empty)
    const answer = await early.inject('/users/42')
    expect(answer.statusCode).toBe(503)
    expect(answer.headers).toMatchObject({ 'retry-after': '2', 'cache-control': 'no-store' })
    expect(answer.headers['millrace-watermark']).toBeUndefined()
    expect(answer.json()).toMatchObject({
      type: 'urn:problem-type:millrace:view-not-serving',
      detail: expect.stringContaining(why),
    })
    await early.close()
  }
  const { app: built } = await apiOver(begun)
  await complete(begun)
  expect((await built.inject('/users/42')).statusCode).toBe(404)
  await built.close()
})

test('GET /users/:userId says that its declaration is to be applied, and then serves it', async () => {
  const { app: newer, served } = await apiOver(store, { declared: later })
  const refused = await newer.inject('/users/42')
  expect(refused.headers['retry-after']).toBe('10')
  expect(refused.json()).toMatchObject({
    type: 'urn:problem-type:millrace:declaration-not-applied',
    status: 503,
    detail: expect.stringContaining('run `millrace apply`'),
  })
  await declare(store, later)
  const likeCount = await storedCount(store, later, 'likeCount')
  await change(store, [{ entry: '42', put: undefined, add: { [likeCount]: 5n } }], later)
  await complete(store)
  await served.poll()
  const answer = await newer.inject('/users/42')
  expect(answer.json()).toEqual({ userId: '42', username: 'user42', likeCount: 5 })
  expect((await get('/users/42')).json()).toMatchObject({ tweetCount: 2 })
  await newer.close()
})

test('GET /users/:userId answers 503 while the store is away', async () => {
  const { app: cut, served } = await apiOver({ reader: () => away })
  for (const reason of [undefined, new Error('connection refused')]) {
    if (reason) served.failed(reason)
    const answer = await cut.inject('/users/42')
    expect(answer.headers['retry-after']).toBe('1')
    expect(answer.json()).toMatchObject({
      type: 'urn:problem-type:millrace:store-unavailable',
      status: 503,
    })
  }
  await cut.close()
})

test('GET says that the log tells why where the store can not be read as it is', async () => {
  const read = () => Promise.reject(new MillraceError('store-newer', 'of a newer release'))
  const { app: refused } = await apiOver({
    reader: (...all) => {
      const reader = store.reader(...all)
      return { read, status: () => reader.status() } as unknown as ViewReader
    },
  })
  const answer = await refused.inject('/users/42')
  expect([answer.statusCode, answer.headers['retry-after']]).toEqual([503, '10'])
  expect(answer.json()).toMatchObject({
    type: 'urn:problem-type:millrace:store-unavailable',
    detail: expect.stringContaining('the log of this server says why'),
  })
  await refused.close()
})

test('GET says that an entry is unreadable where the store holds something else, and serves the others', async () => {
  let failing = new MillraceError('store-type', 'it is a list', { entry: '7' })
  const { app: planted } = await apiOver({
    reader: (...all) => {
      const reader = store.reader(...all)
      const read: ViewReader['read'] = (keys) =>
        keys.includes('7') ? Promise.reject(failing) : reader.read(keys)
      return { read, status: () => reader.status() } as unknown as ViewReader
    },
  })
  const unreadable = {
    type: 'urn:problem-type:millrace:entry-unreadable',
    title: 'The store holds something else there',
    status: 503,
  }
  for (const path of ['/users/7', '/users?ids=42,7']) {
    const answer = await planted.inject(path)
    expect(answer.headers['retry-after']).toBe('10')
    expect(answer.json()).toMatchObject({
      ...unreadable,
      detail:
        'What lies where entry 7 should is none. Once a look has met it, the entry is put in.',
    })
  }
  expect((await planted.inject('/users/42')).statusCode).toBe(200)
  failing = new MillraceError('store-type', 'it is a list')
  expect((await planted.inject('/users/7')).json()).toMatchObject({
    ...unreadable,
    detail: expect.stringContaining('the log says what'),
  })
  await planted.close()
})

const gone = () => Promise.reject(new MillraceError('store-away', 'gone'))
const away = { read: gone, status: gone } as unknown as ViewReader

describe('what is said about the process and its views', () => {
  test('/ready and /fresh answer 200 or 503 with reasons, and nobody keeps that', async () => {
    const asked = async () => [await get('/ready'), await get('/fresh')] as const
    const [ready, fresh] = await asked()
    expect([ready.statusCode, fresh.statusCode]).toEqual([200, 200])
    expect(ready.json()).toEqual({
      status: 'ready',
      reasons: [],
      views: [{ name: 'user-information', status: 'ready' }],
    })
    expect(fresh.json()).toMatchObject({ status: 'fresh', freshWithinMs: 10_000 })
    clock.passMs(10_000)
    const [stillReady, stale] = await asked()
    expect([stillReady.statusCode, stale.statusCode]).toEqual([200, 503])
    expect(stale.json()).toMatchObject({ status: 'stale', reasons: [expect.any(String)] })
    const { app: early } = await apiOver(memoryStore())
    const unready = await early.inject('/ready')
    expect(unready.statusCode).toBe(503)
    expect(unready.headers['retry-after']).toBe('2')
    expect(unready.json()).toEqual({
      status: 'unavailable',
      reasons: ['the view user-information has not been begun yet'],
      views: [{ name: 'user-information', status: 'unavailable' }],
    })
    expect((await early.inject('/status')).statusCode).toBe(200)
    for (const { headers } of [ready, fresh, stale, unready]) {
      expect(headers['cache-control']).toBe('no-store')
    }
    await early.close()
  })

  test('/status leaves out nothing of what is known', async () => {
    await fill(store)
    const { app: full, served } = await apiOver(store, { clock })
    const { views } = (await full.inject('/status')).json<{ views: object[] }>()
    const config = { freshWithinMs: 1, onDoubt: 'serve', statusIntervalMs: 1 } as const
    const known = new Statuses({ views: [served], clock, config }).status().views
    expect(views).toEqual(JSON.parse(JSON.stringify(known)))
    expect(views[0]).toMatchObject({ doubts: [{}], problems: [{}], looks: { latest: [{}] } })
    await full.close()
  })

  test('costs the store nothing, whoever asks and how often', async () => {
    let calls = 0
    const counting: Pick<ViewStore, 'reader'> = {
      reader: (...args) => {
        const reader = store.reader(...args)
        const status = () => ((calls += 1), reader.status())
        const read = (keys: readonly string[]) => ((calls += 1), reader.read(keys))
        return { ...away, read, status }
      },
    }
    const { app: asked } = await apiOver(counting)
    expect(calls).toBe(1)
    for (const path of ['/health', '/ready', '/fresh', '/status', '/openapi.json']) {
      for (let times = 0; times < 20; times += 1) {
        expect((await asked.inject(path)).statusCode).toBe(200)
      }
    }
    expect(calls).toBe(1)
    await asked.close()
  })

  test('says that the process is alive', async () => {
    expect((await get('/health')).json()).toEqual({ status: 'alive' })
  })
})

/** Something of everything that a status can show. */
async function fill(full: ViewStore): Promise<void> {
  await doubt(full)
  const problem = { code: 'column-gone', message: 'no name', hint: 'Add it', sinceMs: 0 }
  await full.writer(userInformation.layout).report('connector', problem)
  const wrong = { key: '7', field: 'tweetCount', expected: '3', found: null, healed: true }
  const pass: PassState = {
    ...newLap(undefined, 'steady', await stateOf(full), 4_000),
    ended: { kind: 'build', atMs: 2_000, tookMs: 900, entries: 500, unproved: ['likes'] },
    statistics: counted(noStatistics, { looks: 1, entries: 10, wrong: [wrong] }, 4_500),
  }
  await complete(full, encodePass(pass))
}

describe('everything else', () => {
  const others = ['/fresh', '/health', '/ready', '/status']

  test('answers 404 for a path that nothing serves', async () => {
    for (const path of ['/', '/users/1/tweets', '/users/1/', '/USERS/1', '/ready/x']) {
      const answer = await get(path)
      expect(answer.json()).toMatchObject({ type: 'about:blank', title: 'Not Found', status: 404 })
      expect(answer.headers['content-type']).toBe('application/problem+json')
    }
  })

  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const)(
    'answers %s with 405 and what is allowed, before it reads a body',
    async (method) => {
      for (const url of ['/users/42', ...others, '/openapi.json']) {
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
    await fill(store)
    const { app: full } = await apiOver(store, { clock })
    const early = (await apiOver(memoryStore())).app
    const { openapi, paths } = (await get('/openapi.json')).json<Described>()
    expect(openapi).toMatch(/^3\.1\./)
    expect(Object.keys(paths).toSorted()).toEqual([...others, '/users', '/users/{userId}'])
    const keeps = async (asked: FastifyInstance, path: string, of = path) => {
      const answer = await asked.inject(path)
      const described = paths[of]!.get.responses[String(answer.statusCode)]!
      const { schema } = described.content['application/json']!
      const valid = new Ajv2020({ strict: false, validateFormats: false }).compile(schema)
      valid(answer.json())
      expect([path, valid.errors]).toEqual([path, null])
      return valid
    }
    for (const path of others) {
      await keeps(full, path)
      if (path !== '/health') await keeps(early, path)
    }
    const valid = await keeps(full, '/users/42', '/users/{userId}')
    expect(valid({ userId: 42 })).toBe(false)
    await keeps(full, '/users?ids=42,1', '/users')
    await Promise.all([full.close(), early.close()])
  })

  test('describes the headers by which an answer says how right it is', async () => {
    const { paths } = (await get('/openapi.json')).json<Described>()
    const { responses } = paths['/users/{userId}']!.get
    expect(Object.keys(responses)).toEqual(['200', '304', '400', '404', '503'])
    const serving = ['Millrace-Watermark', 'Millrace-Age-Ms', 'Millrace-Doubt']
    for (const status of ['200', '304', '404', '503']) {
      expect(Object.keys(responses[status]!.headers ?? {})).toEqual(expect.arrayContaining(serving))
    }
    for (const status of ['400', '404', '503']) {
      expect(Object.keys(responses[status]!.content)).toEqual(['application/problem+json'])
    }
  })
})
