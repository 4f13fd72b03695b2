import { setTimeout as sleep } from 'node:timers/promises'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { FastifyInstance } from 'fastify'
import type { Config } from '../../src/config.ts'
import { ownView, type OwnView } from '../../src/coordinate/view-plan.ts'
import { MillraceError } from '../../src/errors.ts'
import type { Mutation, ViewLayout } from '../../src/mutation.ts'
import { limits } from '../../src/store/limits.ts'
import { memoryStore } from '../../src/store/memory/memory-store.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { bigint } from '../../src/types/declare.ts'
import { topOf } from '../../src/view/aggregates/top-of.ts'
import { countOf, defineView, from } from '../../src/view/define-view.ts'
import type { Asked } from '../../src/view/respond.ts'
import { recordedLog } from '../support/recorded-log.ts'
import { apiOfViews, change, doubt, handClock, servingStore, type HandClock } from './support.ts'

type RecordedLog = ReturnType<typeof recordedLog>
type Json = Readonly<Record<string, unknown>>
type Respond = (asked: Asked<Json, Json, Json>) => unknown

const artists = defineView({
  name: 'artist',
  serve: '/artists/:artistId',
  key: { artistId: 'bigint' },
  row: from('artists', { key: 'artist_id', fields: { name: 'name' } }),
  aggregates: { listenCount: countOf('listens', { by: 'artist_id' }) },
})

const unknown = defineView({
  name: 'unknown',
  key: { id: 'bigint' },
  row: from('unknown', { key: 'id', fields: {} }),
})

const days = { type: 'integer', minimum: 1, maximum: 60, default: 30 } as const

function listeners(respond: Respond, given: object = {}) {
  return defineView({
    name: 'listener',
    serve: '/listeners/:userId',
    key: { userId: 'bigint' },
    row: from('users', { key: 'user_id', fields: { name: 'name', artist: 'artist' } }),
    query: { days, order: { type: 'string', enum: ['up', 'down'] }, whole: { type: 'boolean' } },
    respond,
    ...given,
  })
}

let clock: HandClock
let artistStore: ViewStore
let listenerStore: ViewStore
let listener: OwnView
let log: RecordedLog
let calls: (readonly (readonly string[])[])[]
/** Of the first view of each of them. */
let layouts: ViewLayout[]
/** What reads of several views reject with. */
let failing: MillraceError | undefined
let app: FastifyInstance | undefined

afterEach(async () => {
  await app?.close()
  app = undefined
})

const put = (entry: string, fields: Readonly<Record<string, string | null>>): Mutation => ({
  entry,
  put: fields,
  add: {},
})

beforeEach(async () => {
  clock = handClock()
  log = recordedLog()
  calls = []
  layouts = []
  failing = undefined
  const rows = [put('7', { name: 'Abba' }), put('8', { name: null })]
  artistStore = await servingStore(rows, '16/20', clock, ownView(artists))
})

type Options = { readonly given?: object; readonly config?: Partial<Config> }

/** What was logged that matters. */
const told = () => log.lines.filter(({ level }) => level !== 'debug')

/** The store, of whose reads of several views together the keys are noted. */
function counted(store: ViewStore): Pick<ViewStore, 'reader'> {
  const reader: ViewStore['reader'] = (...args) => {
    const made = store.reader(...args)
    const together = made.readTogether.bind(made)
    made.readTogether = async (parts) => {
      if (failing) throw failing
      calls.push(parts.map((part) => ('keys' in part ? part.keys : [])))
      layouts.push(args[0])
      return together(parts)
    }
    return made
  }
  return { reader }
}

/** An API of both views, of which `listener` answers what `respond` makes. */
async function answering(respond: Respond, { given, config = {} }: Options = {}) {
  listener = ownView(listeners(respond, given))
  const rows = [put('1', { name: 'Ada', artist: '7' })]
  listenerStore = await servingStore(rows, '16/30', clock, listener)
  const views = [
    { declared: listener, store: counted(listenerStore) },
    { declared: ownView(artists), store: counted(artistStore) },
  ]
  ;({ app } = await apiOfViews(views, { clock, config, log: log.log }))
  return (url: string, headers: Readonly<Record<string, string>> = {}) =>
    app!.inject({ url, headers })
}

describe('what a respond answers', () => {
  test('is made of the key, the entry and the query', async () => {
    const get = await answering(({ key, parts, entry, query }) => ({ key, parts, entry, query }))
    const answer = await get('/listeners/1?order=up&whole=true')
    expect(answer.statusCode).toBe(200)
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
    expect(answer.json()).toEqual({
      key: '1',
      parts: { userId: '1' },
      entry: { userId: '1', name: 'Ada', artist: '7' },
      query: { days: 30, order: 'up', whole: true },
    })
    expect((await get('/listeners/1?days=7')).json()).toMatchObject({ query: { days: 7 } })
  })

  test('is asked for an entry that is not there too, and null is 404', async () => {
    const get = await answering(({ key, entry }) => (key === '2' ? { entry } : null))
    expect((await get('/listeners/2')).json()).toEqual({ entry: null })
    const none = await get('/listeners/1')
    expect(none.json()).toMatchObject({
      type: 'urn:problem-type:millrace:entry-not-found',
      status: 404,
      detail: 'The view listener has no entry 1.',
    })
    expect(none.headers['millrace-watermark']).toBe('16/30')
  })

  test('has an ETag of its content, HEAD, and 304 while it is the same', async () => {
    const get = await answering(({ query, entry }) => [query.days, entry?.name])
    const first = await get('/listeners/1?days=3')
    const etag = String(first.headers.etag)
    expect(first.body).toBe('[3,"Ada"]')
    expect((await get('/listeners/1?days=3', { 'if-none-match': etag })).statusCode).toBe(304)
    expect((await get('/listeners/1?days=4', { 'if-none-match': etag })).statusCode).toBe(200)
    const head = await app!.inject({ method: 'HEAD', url: '/listeners/1?days=3' })
    expect([head.body, head.headers.etag]).toEqual(['', etag])
    await change(listenerStore, [put('1', { name: 'Bob', artist: '7' })], listener)
    const changed = await get('/listeners/1?days=3', { 'if-none-match': etag })
    expect([changed.statusCode, changed.body]).toEqual([200, '[3,"Bob"]'])
  })

  test('is of one entry: there is no path for many', async () => {
    const get = await answering(() => 1)
    const many = await get('/listeners?ids=1')
    expect(many.json()).toMatchObject({
      status: 404,
      detail: 'Nothing is served under this path.',
    })
    expect((await get('/artists?ids=7')).statusCode).toBe(200)
  })

  test('is not what operators see: that is the entry', async () => {
    const get = await answering(() => 1, { config: { apiOperators: true } })
    expect((await get('/views/listener/1')).json()).toMatchObject({ name: 'Ada' })
  })
})

describe('a query', () => {
  test.each([
    ['days=0', 'days is a whole number: 1 to 60.'],
    ['days=61', 'days is a whole number: 1 to 60.'],
    ['days=1.5', 'days is a whole number: 1 to 60.'],
    ['days=', 'days is a whole number: 1 to 60.'],
    ['days=x', 'days is a whole number: 1 to 60.'],
    ['days=0x10', 'days is a whole number: 1 to 60.'],
    ['days=1e1', 'days is a whole number: 1 to 60.'],
    ['days=%205', 'days is a whole number: 1 to 60.'],
    ['days=5.0', 'days is a whole number: 1 to 60.'],
    ['days=%2B5', 'days is a whole number: 1 to 60.'],
    ['days=1&days=2', 'days is a whole number: 1 to 60.'],
    ['order=sideways', 'order is one of up, down.'],
    ['whole=perhaps', 'whole is true or false.'],
    ['dayz=3', 'There is no parameter dayz; did you mean days? There are days, order, whole.'],
  ])('%s is refused, and the function is not called', async (query, detail) => {
    let called = 0
    const get = await answering(() => (called += 1))
    const answer = await get(`/listeners/1?${query}`)
    expect(answer.json()).toEqual({
      type: 'urn:problem-type:millrace:bad-query',
      title: 'That is no query of the path',
      status: 400,
      detail,
      instance: `/listeners/1?${query}`,
    })
    expect(answer.headers['content-type']).toBe('application/problem+json')
    expect(called).toBe(0)
  })

  test('has no number that is infinite, with bounds or without', async () => {
    const given = { query: { weight: { type: 'number' }, share: { type: 'number', maximum: 1 } } }
    const get = await answering(({ query }) => query, { given })
    const asked = await get('/listeners/1?weight=-1e300&share=0.5')
    expect(asked.json()).toEqual({ weight: -1e300, share: 0.5 })
    for (const [query, detail] of [
      ['weight=1e999', 'weight is a number.'],
      ['share=Infinity', 'share is a number: 1 or less.'],
      [`weight=${'9'.repeat(400)}`, 'weight is a number.'],
    ]) {
      const refused = await get(`/listeners/1?${query}`)
      expect(refused.json()).toMatchObject({ title: 'That is no query of the path', detail })
    }
  })

  test.each(['0x10', '0b1', '%205', '5%0A', '.5', '5.', '1_000', '%2B5'])(
    'has no number that is written %s',
    async (text) => {
      const get = await answering(({ query }) => query, {
        given: { query: { weight: { type: 'number' } } },
      })
      expect((await get(`/listeners/1?weight=${text}`)).json()).toMatchObject({
        type: 'urn:problem-type:millrace:bad-query',
        detail: 'weight is a number.',
      })
    },
  )

  test.each([
    ['-7', -7],
    ['0.25', 0.25],
    ['-1.5E-2', -0.015],
    ['2e3', 2000],
  ])('has a number that is written %s', async (text, weight) => {
    const get = await answering(({ query }) => query, {
      given: { query: { weight: { type: 'number' } } },
    })
    expect((await get(`/listeners/1?weight=${text}`)).json()).toEqual({ weight })
  })

  test('of another view is as free as it was', async () => {
    const get = await answering(() => 1)
    expect((await get('/artists/7?days=x')).statusCode).toBe(200)
    expect((await get('/listeners/x')).json()).toMatchObject({
      type: 'urn:problem-type:millrace:bad-key',
    })
  })
})

describe('a respond reads', () => {
  test('entries of views as JSON, null where there is none, in the order of its keys', async () => {
    const get = await answering(async ({ key, read }) => {
      const [bands, own] = await read([
        { view: artists, keys: ['8', '7', '9', '07', ['7'], '8'] },
        { view: listeners(() => 1), keys: [key, '5'] },
      ])
      return { bands, own }
    })
    const [abba, unnamed] = [
      { artistId: '7', name: 'Abba', listenCount: 0 },
      { artistId: '8', name: null, listenCount: 0 },
    ]
    expect((await get('/listeners/1')).json()).toEqual({
      bands: [unnamed, abba, null, null, abba, unnamed],
      own: [{ userId: '1', name: 'Ada', artist: '7' }, null],
    })
  })

  test('in one step of the store for each call', async () => {
    const get = await answering(async ({ read }) => {
      await read([
        { view: artists, keys: ['7'] },
        { view: artists, keys: ['8'] },
      ])
      await read([])
      return read([{ view: artists, keys: ['7', '7'] }])
    })
    expect((await get('/listeners/1')).json()).toEqual([
      [expect.objectContaining({ name: 'Abba' }), expect.objectContaining({ name: 'Abba' })],
    ])
    expect(calls).toEqual([[['7'], ['8']], [['7']]])
  })

  test('some fields and aggregates alone, where it says so', async () => {
    const get = await answering(async ({ read }) =>
      read([
        { view: artists, keys: ['7'], only: ['listenCount'] },
        { view: artists, keys: ['7', '9'], only: ['name'] },
        { view: artists, keys: ['8'], only: [] },
      ]),
    )
    expect((await get('/listeners/1')).json()).toEqual([
      [{ artistId: '7', listenCount: 0 }],
      [{ artistId: '7', name: 'Abba' }, null],
      [{ artistId: '8' }],
    ])
    expect(layouts).toMatchObject([{ fields: [], counts: ['listenCount'] }])
  })

  test('with the counts that tell whether an entry without an owning row is there', async () => {
    const visits = defineView({
      name: 'visit',
      key: { placeId: 'bigint' },
      aggregates: {
        visits: countOf('visits', { by: 'place' }),
        guests: topOf('visits', { by: 'place', item: 'guest', most: 2 }),
        hosts: topOf('visits', {
          by: 'place',
          item: { artistId: bigint('host') },
          most: 2,
          lookup: { view: 'artist', fields: { name: 'text' } },
        }),
      },
    })
    const get = await answering(({ read }) =>
      read([{ view: visits, keys: ['5'], only: ['guests'] }]),
    )
    await app!.close()
    const declared = ownView(visits)
    const visit = { entry: '5', put: undefined, add: { visits: 1n } }
    const store = await servingStore([visit], '16/20', clock, declared)
    const views = [
      { declared: listener, store: listenerStore },
      { declared, store: counted(store) },
      { declared: ownView(artists), store: artistStore },
    ]
    ;({ app } = await apiOfViews(views, { clock, log: log.log }))
    expect((await get('/listeners/1')).json()).toEqual([[{ placeId: '5', guests: [] }]])
    const slices = [expect.objectContaining({ name: 'guests' })]
    expect(layouts).toMatchObject([{ counts: ['visits'], presence: ['visits'], slices }])
    // What is not asked for looks nothing up.
    expect(calls).toEqual([[['5']]])
  })

  test('and its answer tells the oldest watermark, the greatest age and all doubts', async () => {
    const get = await answering(async ({ query, read }) => {
      const [[abba] = []] = query.whole ? await read([{ view: artists, keys: ['7'] }]) : []
      return abba === null ? null : { abba }
    })
    await doubt(artistStore, { name: 'artists', code: 'table-rewritten' })
    const own = await get('/listeners/1')
    expect(own.headers['millrace-watermark']).toBe('16/30')
    expect(own.headers['millrace-doubt']).toBeUndefined()
    await doubt(listenerStore, { name: 'listens', code: 'unusable-change' })
    const both = await get('/listeners/1?whole=true')
    expect(both.headers['millrace-watermark']).toBe('16/20')
    expect(both.headers['millrace-doubt']).toBe('unusable-change, table-rewritten')
  })

  test('is refused in doubt of any view where the server is told to', async () => {
    const get = await answering(
      async ({ read }) => (await read([{ view: artists, keys: [] }]))[0],
      {
        config: { onDoubt: 'refuse' },
      },
    )
    expect((await get('/listeners/1')).statusCode).toBe(200)
    await doubt(artistStore)
    const refused = await get('/listeners/1')
    expect(refused.json()).toMatchObject({
      type: 'urn:problem-type:millrace:view-in-doubt',
      status: 503,
      detail: 'Entries of the view artist may be wrong: table-rewritten.',
    })
    expect(refused.headers['retry-after']).toBe('10')
  })

  test('is 503 while a view is not complete', async () => {
    artistStore = memoryStore(clock)
    const get = await answering(async ({ read }) => read([{ view: artists, keys: ['7'] }]))
    const refused = await get('/listeners/1')
    expect(refused.json()).toMatchObject({
      type: 'urn:problem-type:millrace:view-not-serving',
      status: 503,
      detail: 'The view artist has not been begun yet.',
    })
    expect(refused.headers['retry-after']).toBe('2')
  })
})

describe('a respond that', () => {
  const failed = {
    type: 'urn:problem-type:millrace:respond-failed',
    title: 'The answer could not be made',
    status: 500,
    detail: 'What listener answers here could not be made; the log says more.',
    instance: '/listeners/1',
  }
  const keys = Array.from({ length: limits.readKeysMax + 1 }, (_, index) => String(index))

  test.each<[string, string, Respond]>([
    ['throws', 'it threw SyntaxError', () => void JSON.parse('{"Ada"')],
    ['rejects', 'it threw Error', () => Promise.reject(new Error('Ada'))],
    ['throws what is no error', 'it threw string', () => Promise.reject('Ada')],
    ['answers undefined', 'it answered undefined, which is no JSON', () => undefined],
    ['answers no JSON', 'it threw TypeError', () => ({ Ada: 5n })],
    [
      'reads too many keys',
      'it read 1001 keys at once: 1000 can be',
      ({ read }) => read([{ view: artists, keys }]),
    ],
    [
      'reads a key that is no text',
      'it read a key of artist that is no text: numbers have to be one too',
      ({ read }) => read([{ view: artists, keys: [7 as never] }]),
    ],
    [
      'reads an unknown view',
      'it read the view unknown, which the configuration lacks',
      ({ read }) => read([{ view: unknown, keys: ['1'] }]),
    ],
    [
      'reads what the view has not',
      'it read title of artist, which is no field or aggregate of it',
      ({ read }) => read([{ view: artists, keys: ['7'], only: ['name', 'title'] }]),
    ],
  ])('%s is 500, and the log says why, without any data', async (_, reason, respond) => {
    const get = await answering(respond)
    const answer = await get('/listeners/1')
    expect(answer.json()).toEqual(failed)
    expect(answer.headers['millrace-watermark']).toBe('16/30')
    expect(answer.headers['cache-control']).toBe('no-store')
    expect(told()).toMatchObject([{ msg: 'respond failed', view: 'listener', reason }])
    expect(JSON.stringify(told())).not.toContain('Ada')
  })

  test('throws on what a read has told is 503 as that is, and may go without', async () => {
    const get = await answering(async ({ query, read }) => {
      const reading = read([{ view: artists, keys: ['7'] }])
      return query.whole ? reading : reading.catch(() => 'without')
    })
    const away = new MillraceError('store-away', 'the store is away')
    failing = away
    expect((await get('/listeners/1?whole=true')).json()).toMatchObject({
      type: 'urn:problem-type:millrace:store-unavailable',
      status: 503,
    })
    expect((await get('/listeners/1')).json()).toBe('without')
    expect(told()).toEqual([])
  })
})

describe('what a respond does not wait for', () => {
  const left = 'respond did not wait for what has failed'

  test('takes no other answer with it when it fails, and the log says why', async () => {
    const get = await answering(({ query, read }) => {
      if (query.whole) return 'whole'
      void Promise.reject(new TypeError('Ada')).finally(() => undefined)
      void read([{ view: unknown, keys: ['1'] }])
      return 'left'
    })
    expect((await get('/listeners/1')).json()).toBe('left')
    await sleep(10)
    expect((await get('/listeners/1?whole=true')).json()).toBe('whole')
    const reason = 'it read the view unknown, which the configuration lacks'
    expect(told()).toMatchObject([
      { msg: left, view: 'listener', reason },
      { msg: left, reason: 'it threw TypeError' },
    ])
    expect(JSON.stringify(told())).not.toContain('Ada')
  })

  test('is told once, where it is one of several reads of a store that is away', async () => {
    const get = await answering(async ({ read }) => {
      const first = read([{ view: artists, keys: ['7'] }])
      const second = read([{ view: artists, keys: ['8'] }]).then(([bands]) => bands)
      return [await first, await second]
    })
    failing = new MillraceError('store-away', 'the store is away')
    expect((await get('/listeners/1')).json()).toMatchObject({
      type: 'urn:problem-type:millrace:store-unavailable',
    })
    await sleep(10)
    failing = undefined
    expect((await get('/listeners/1')).statusCode).toBe(200)
    expect(told()).toEqual([])
  })
})

describe('a declaration with respond', () => {
  const faultOf = (given: object): string => {
    try {
      listeners(() => 1, given)
    } catch (error) {
      return (error as MillraceError).message
    }
    return 'none'
  }

  test.each<[object, string]>([
    [{ serve: undefined }, 'respond needs serve, the path under which it answers'],
    [{ respond: 'x' }, 'respond is no function'],
    [{ respond: undefined }, 'query is of no use without respond'],
    [{ respond: undefined, query: undefined, schema: {} }, 'schema is of no use without respond'],
    [{ schema: 'object' }, 'schema is no JSON schema of the answer'],
    [
      { query: { days: { type: 'int' } } },
      'query parameter days has no type that is one of integer, number, string, boolean',
    ],
    [
      { query: { days: { type: 'integer', minimun: 1 } } },
      'query parameter days of type integer has no minimun; did you mean minimum?',
    ],
    [
      { query: { days: { type: 'integer', minimum: 1, default: 0 } } },
      'query parameter days: its default is no value that it takes',
    ],
    [
      { query: { days: { type: 'integer', default: 1.5 } } },
      'query parameter days: its default is no value that it takes',
    ],
    [
      { query: { half: { type: 'string', pattern: '^\\d+d$', default: '7h' } } },
      'query parameter half: its default is no value that it takes',
    ],
    [
      { query: { half: { type: 'string', pattern: '(' } } },
      'query parameter half: its pattern is no regular expression',
    ],
    [
      { query: { half: { type: 'string', pattern: /d/ } } },
      'query parameter half: its pattern is no regular expression',
    ],
    [
      { query: { days: null } },
      'query parameter days has no type that is one of integer, number, string, boolean',
    ],
    [{ query: { valueOf: { type: 'string' } } }, "query parameter valueOf can't be called so"],
    [{ query: { 'a/b': { type: 'string' } } }, "query parameter a/b can't be called so"],
    ...[{ minimum: '1' }, { maximum: Infinity }, { minimum: 5, maximum: 1 }].map(
      (bounds): [object, string] => [
        { query: { days: { type: 'integer', ...bounds } } },
        'query parameter days: minimum and maximum are numbers in that order',
      ],
    ),
    ...[{ minLength: -1 }, { maxLength: 1.5 }, { minLength: 5, maxLength: 1 }].map(
      (lengths): [object, string] => [
        { query: { half: { type: 'string', ...lengths } } },
        'query parameter half: minLength and maxLength are whole numbers in that order',
      ],
    ),
    ...[[], ['a', 'a'], [1], 'ab'].map((values): [object, string] => [
      { query: { half: { type: 'string', enum: values } } },
      'query parameter half: its enum is no list of different texts',
    ]),
    [
      { query: { days: { type: 'integer', description: 5 } } },
      'query parameter days: its description is no text',
    ],
  ])('%j is refused', (given, fault) => {
    expect(faultOf(given)).toBe(`view 'listener' can't be defined: ${fault}`)
  })

  test('is the same to stores and workers as one without', () => {
    const { respond, query, ...plain } = {
      name: 'listener',
      serve: '/listeners/:userId',
      key: { userId: 'bigint' },
      row: from('users', { key: 'user_id', fields: { name: 'name', artist: 'artist' } }),
      respond: () => 1,
      query: { days },
    } as const
    const [made, bare] = [defineView({ ...plain, respond, query }), defineView(plain)]
    expect(ownView(made).id).toBe(ownView(bare).id)
    expect(made.layout).toEqual(bare.layout)
  })

  test('is described in OpenAPI, with its query and the schema of its answer', async () => {
    const schema = { type: 'object', required: ['a'], properties: { a: { type: 'integer' } } }
    const get = await answering(() => ({ a: 1 }), { given: { schema } })
    const { paths } = (await get('/openapi.json')).json<{
      paths: Record<string, { get: Described }>
    }>()
    const { parameters, responses } = paths['/listeners/{userId}']!.get
    const parameter = parameters.find(({ name }) => name === 'days')
    expect(parameter).toMatchObject({ in: 'query', required: false, schema: days })
    expect(Object.keys(responses)).toEqual(
      expect.arrayContaining(['200', '304', '400', '404', '500', '503']),
    )
    const described = responses['200']!.content['application/json']!.schema
    const validate = new Ajv2020().compile(described)
    expect([validate({ a: 1 }), validate({ a: 'x' })]).toEqual([true, false])
    expect(Object.keys(paths)).not.toContain('/listeners')
  })
})

type Described = {
  readonly parameters: readonly { readonly name: string }[]
  readonly responses: Record<string, { content: Record<string, { schema: object }> }>
}
