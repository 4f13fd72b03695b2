import { Ajv2020 } from 'ajv/dist/2020.js'
import type { FastifyInstance } from 'fastify'
import { ownView } from '../../src/coordinate/view-plan.ts'
import type { Mutation } from '../../src/mutation.ts'
import { memoryStore } from '../../src/store/memory/memory-store.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { bigint, integer } from '../../src/types/declare.ts'
import { countsOf } from '../../src/view/aggregates/counts-of.ts'
import { topOf } from '../../src/view/aggregates/top-of.ts'
import { defineView, from, type FieldDeclaration } from '../../src/view/define-view.ts'
import { lookup } from '../../src/view/lookup.ts'
import {
  apiOfViews,
  change,
  declare,
  doubt,
  handClock,
  servingStore,
  type HandClock,
} from './support.ts'

const artistView = (fields: Readonly<Record<string, FieldDeclaration>>) =>
  defineView({
    name: 'artist',
    serve: '/artists/:artistId',
    key: { artistId: 'bigint' },
    row: from('artists', { key: 'artist_id', fields }),
  })

const artists = ownView(artistView({ name: 'name', born: integer('born') }))

const listeners = ownView(
  defineView({
    name: 'listener',
    serve: '/listeners/:userId',
    key: { userId: 'bigint' },
    row: from('users', {
      key: 'user_id',
      fields: { name: 'name', favouriteId: bigint('favourite_id') },
    }),
    aggregates: {
      topArtists: topOf('listens', {
        item: { artistId: bigint('artist_id') },
        most: 3,
        by: 'user_id',
        lookup: { view: 'artist', fields: { name: 'text', born: 'integer' } },
      }),
      countries: countsOf('listens', { item: 'country', by: 'user_id' }),
    },
    lookups: { favourite: lookup('artist', { by: 'favouriteId', fields: { name: 'text' } }) },
  }),
)

let clock: HandClock
let artistStore: ViewStore
let listenerStore: ViewStore
let app: FastifyInstance | undefined

const put = (entry: string, fields: Readonly<Record<string, string | null>>): Mutation => ({
  entry,
  put: fields,
  add: {},
})

const listener = (
  entry: string,
  fields: Readonly<Record<string, string | null>>,
  top: Readonly<Record<string, bigint>> = {},
): Mutation => ({
  ...put(entry, fields),
  ...(Object.keys(top).length > 0 && {
    cells: new Map([['topArtists', new Map(Object.entries(top))]]),
  }),
})

beforeEach(async () => {
  clock = handClock()
  const rows = [put('7', { name: 'Abba', born: '1972' }), put('8', { name: null, born: null })]
  artistStore = await servingStore(rows, '16/20', clock, artists)
  const users = [
    listener('1', { name: 'Ada', favouriteId: '7' }, { '7': 5n, '8': 3n, '9': 2n, '10': 1n }),
    listener('2', { name: 'Bob', favouriteId: '9' }),
    listener('3', { name: 'Cy', favouriteId: null }, { '8': 1n }),
  ]
  listenerStore = await servingStore(users, '16/30', clock, listeners)
})

afterEach(async () => {
  await app?.close()
  app = undefined
})

async function api(config = {}) {
  const views = [
    { declared: listeners, store: listenerStore },
    { declared: artists, store: artistStore },
  ]
  ;({ app } = await apiOfViews(views, { clock, config }))
  return (url: string) => app!.inject(url)
}

const ada = {
  userId: '1',
  name: 'Ada',
  favouriteId: '7',
  topArtists: [
    { artistId: '7', count: 5, name: 'Abba', born: 1972 },
    { artistId: '8', count: 3, name: null, born: null },
    { artistId: '9', count: 2, name: null, born: null },
  ],
  countries: [],
  favourite: { name: 'Abba' },
}

describe('what is looked up', () => {
  test('stands beside items and under its own name, null where it is not there', async () => {
    const get = await api()
    expect((await get('/listeners/1')).json()).toEqual(ada)
    expect((await get('/listeners/2')).json()).toMatchObject({ favourite: null, topArtists: [] })
    expect((await get('/listeners/3')).json()).toMatchObject({ favourite: null })
  })

  test('is there once it comes, and another ETag with it', async () => {
    const get = await api()
    const { etag } = (await get('/listeners/2')).headers
    await change(artistStore, [put('9', { name: 'Cher', born: '1946' })], artists)
    const answer = await get('/listeners/2')
    expect(answer.json()).toMatchObject({ favourite: { name: 'Cher' } })
    expect(answer.headers.etag).not.toBe(etag)
  })

  test('is read for many entries too, each of its own', async () => {
    const get = await api({ apiOperators: true })
    const { found } = (await get('/listeners?ids=3,1')).json<{ found: readonly object[] }>()
    expect(found).toMatchObject([
      { userId: '3', favourite: null, topArtists: [{ artistId: '8', name: null }] },
      ada,
    ])
    expect((await get('/views/listener/1')).json()).toEqual(ada)
  })

  test('counts in watermark, age and doubts', async () => {
    const get = await api()
    clock.passMs(700)
    await doubt(artistStore, { name: 'artists', code: 'table-rewritten' })
    const { headers } = await get('/listeners/1')
    expect(headers).toMatchObject({
      'millrace-watermark': '16/20',
      'millrace-age-ms': '700',
      'millrace-doubt': 'table-rewritten',
    })
    expect((await get('/artists/7')).headers['millrace-doubt']).toBe('table-rewritten')
  })

  test('keeps readers waiting while its view is not complete, and says which', async () => {
    artistStore = memoryStore(clock)
    const answer = await (await api())('/listeners/1')
    expect(answer.json()).toMatchObject({
      type: 'urn:problem-type:millrace:view-not-serving',
      status: 503,
      detail: 'The view artist has not been begun yet.',
    })
  })

  test('goes by the names that the served declaration has in the store', async () => {
    const earlier = ownView(artistView({ name: bigint('former_name') }))
    artistStore = await servingStore([put('7', { name: '1' })], '16/20', clock, earlier)
    await declare(artistStore, artists)
    await change(artistStore, [put('7', { name: '1' })], earlier)
    const state = (await artistStore.watchable.state())!
    const stored = state.declarations.at(-1)!.declaration
    expect(stored).toContain('name@')
    const { epoch, pass, declarations } = state
    const completed = declarations.map(({ id }) => id)
    const step = { epoch, before: pass, after: 'done', ended: [], completed }
    await artistStore.audit(artists.view.layout).progress(step)
    const name = /name@\w+/.exec(stored)![0]
    await change(artistStore, [put('7', { [name]: 'Abba', born: '1972' })], artists)
    expect((await (await api())('/listeners/1')).json()).toEqual(ada)
  })

  test('is what respond is given, and reads', async () => {
    const answering = ownView(
      defineView({
        name: 'answer',
        serve: '/answers/:userId',
        key: { userId: 'bigint' },
        row: from('users', { key: 'user_id', fields: { favouriteId: bigint('favourite_id') } }),
        lookups: { favourite: lookup('artist', { by: 'favouriteId', fields: { name: 'text' } }) },
        respond: async ({ key, entry, read }) => ({
          own: entry?.favourite,
          read: await read([{ view: listeners.view, keys: [key] }]),
          some: await read([
            { view: listeners.view, keys: [key], only: ['topArtists'] },
            { view: listeners.view, keys: [key], only: ['name', 'countries'] },
          ]),
        }),
      }),
    )
    const store = await servingStore([put('1', { favouriteId: '7' })], '16/30', clock, answering)
    const views = [
      { declared: answering, store },
      { declared: listeners, store: listenerStore },
      { declared: artists, store: artistStore },
    ]
    ;({ app } = await apiOfViews(views, { clock }))
    expect((await app.inject('/answers/1')).json()).toEqual({
      own: { name: 'Abba' },
      read: [[ada]],
      // With what its items look up, and without what fields do.
      some: [
        [{ userId: '1', topArtists: ada.topArtists }],
        [{ userId: '1', name: 'Ada', countries: [] }],
      ],
    })
  })

  test('is refused in doubt, where the server is told to, also where respond reads it', async () => {
    const answering = ownView(
      defineView({
        name: 'answer',
        serve: '/answers/:userId',
        key: { userId: 'bigint' },
        row: from('users', { key: 'user_id', fields: {} }),
        respond: ({ key, read }) => read([{ view: listeners.view, keys: [key] }]),
      }),
    )
    const views = [
      { declared: answering, store: await servingStore([], '16/30', clock, answering) },
      { declared: listeners, store: listenerStore },
      { declared: artists, store: artistStore },
    ]
    ;({ app } = await apiOfViews(views, { clock, config: { onDoubt: 'refuse' } }))
    const codes = async () => [
      (await app!.inject('/answers/1')).statusCode,
      (await app!.inject('/listeners/1')).statusCode,
    ]
    expect(await codes()).toEqual([200, 200])
    await doubt(artistStore)
    expect(await codes()).toEqual([503, 503])
  })

  test('is described in OpenAPI', async () => {
    const get = await api()
    type Described = { responses: Record<string, { content: Record<string, { schema: object }> }> }
    const { paths } = (await get('/openapi.json')).json<{
      paths: Record<string, { get: Described }>
    }>()
    const answer = paths['/listeners/{userId}']!.get.responses['200']!
    const validate = new Ajv2020({ strict: false }).compile(
      answer.content['application/json']!.schema,
    )
    for (const id of [1, 2, 3]) expect(validate((await get(`/listeners/${id}`)).json())).toBe(true)
    expect(validate({ ...ada, favourite: { nobody: 1 } })).toBe(false)
  })

  test('is no part of what stores and workers know', () => {
    const { lookups, ...without } = listeners.view
    expect(lookups).toHaveLength(2)
    expect(ownView(without).id).toBe(listeners.id)
  })
})
