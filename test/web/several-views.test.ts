/** What an API of several views answers while one of them can't be read, or may be wrong. */
import type { FastifyInstance } from 'fastify'
import { readConfig, type Config } from '../../src/config.ts'
import { ownView } from '../../src/coordinate/view-plan.ts'
import { MillraceError } from '../../src/errors.ts'
import { memoryStore } from '../../src/store/memory/memory-store.ts'
import type { ViewReader } from '../../src/store/reader.ts'
import type { ViewStore } from '../../src/store/store.ts'
import { defineView, from } from '../../src/view/define-view.ts'
import { ServedView } from '../../src/web/served-view.ts'
import { Statuses } from '../../src/web/statuses.ts'
import {
  apiOfViews,
  begunStore,
  complete,
  declare,
  doubt,
  handClock,
  later,
  moveWatermark,
  own,
  servingStore,
  user,
  type HandClock,
} from './support.ts'

const stock = ownView(
  defineView({
    name: 'stock',
    serve: '/stock/:id',
    key: { id: 'bigint' },
    row: from('stock', { key: 'id', fields: {} }),
  }),
)

let clock: HandClock
let users: ViewStore
let app: FastifyInstance | undefined
let served: readonly ServedView[]

beforeEach(async () => {
  clock = handClock()
  users = await servingStore([user('42')], '16/B374D848', clock)
})

afterEach(async () => {
  await app?.close()
  app = undefined
})

type OtherView = {
  readonly store: Pick<ViewStore, 'reader'>
  readonly declared?: typeof own
  readonly config?: Partial<Config>
}

/** An API of `user-information`, which serves, and of another view, in another state. */
async function beside({ store, declared = stock, config = {} }: OtherView): Promise<void> {
  const views = [
    { declared: own, store: users },
    { declared, store },
  ]
  ;({ app, served } = await apiOfViews(views, { clock, config }))
}

async function get(url: string) {
  const answer = await app!.inject(url)
  return { code: answer.statusCode, ...answer.json<Record<string, unknown>>() }
}

/** Status codes of the paths, in their order. */
async function codesOf(...urls: readonly string[]): Promise<readonly number[]> {
  const codes: number[] = []
  for (const url of urls) codes.push((await get(url)).code)
  return codes
}

describe('a view that is being built', () => {
  const reason = 'the view stock is being built and serves when it is complete'

  test('makes /ready say so, and takes no process out that serves another', async () => {
    await beside({ store: await begunStore(clock, stock) })
    expect(await codesOf('/users/42', '/stock/1')).toEqual([200, 503])
    expect(await get('/ready')).toEqual({
      code: 200,
      status: 'ready',
      reasons: [reason],
      views: [
        { name: 'user-information', status: 'ready' },
        { name: 'stock', status: 'unavailable' },
      ],
    })
  })

  test('is stale, and the other is not', async () => {
    await beside({ store: await begunStore(clock, stock) })
    expect(await get('/fresh')).toMatchObject({
      code: 503,
      status: 'stale',
      reasons: [reason],
      views: [
        { name: 'user-information', status: 'fresh', ageMs: 0 },
        { name: 'stock', status: 'stale', ageMs: null },
      ],
    })
  })

  test('is degraded in /status until it serves', async () => {
    const store = await begunStore(clock, stock)
    await beside({ store })
    expect(await get('/status')).toMatchObject({
      status: 'degraded',
      reasons: [reason],
      views: [{ phase: 'serving' }, { phase: 'building' }],
    })
    await complete(store)
    await moveWatermark(store, '0/9')
    await served[1]!.poll()
    expect(await get('/status')).toMatchObject({ status: 'ready', reasons: [] })
    expect(await codesOf('/ready', '/fresh', '/stock/1')).toEqual([200, 200, 404])
  })

  test('makes a process unready that serves no other', async () => {
    const building = await begunStore(clock, stock)
    const none = [
      { declared: own, store: memoryStore(clock) },
      { declared: stock, store: building },
    ]
    ;({ app, served } = await apiOfViews(none, { clock }))
    expect(await get('/ready')).toMatchObject({
      code: 503,
      reasons: ['the view user-information has not been begun yet', reason],
    })
    expect(await get('/status')).toMatchObject({ status: 'unavailable' })
  })
})

test('a view that nobody has begun takes no process out that serves another', async () => {
  await beside({ store: memoryStore(clock) })
  expect(await codesOf('/ready', '/fresh', '/users/42', '/stock/1')).toEqual([200, 503, 200, 503])
})

describe('a view in doubt', () => {
  test('is served beside others, flagged', async () => {
    const store = await servingStore([], '0/9', clock, stock)
    await doubt(store)
    await beside({ store })
    expect(await codesOf('/ready', '/fresh', '/users/42', '/stock/1')).toEqual([200, 200, 200, 404])
    expect((await app!.inject('/users/42')).headers['millrace-doubt']).toBeUndefined()
    expect((await app!.inject('/stock/1')).headers['millrace-doubt']).toBe('table-rewritten')
    expect(await get('/status')).toMatchObject({
      status: 'degraded',
      reasons: ['entries of the view stock may be wrong: likes was rewritten'],
    })
  })

  test('takes no process out that serves another, also where readers are refused then', async () => {
    const store = await servingStore([], '0/9', clock, stock)
    await doubt(store)
    await beside({ store, config: { onDoubt: 'refuse' } })
    expect(await codesOf('/ready', '/users/42', '/stock/1')).toEqual([200, 200, 503])
    expect(await get('/status')).toMatchObject({ status: 'degraded' })
  })
})

describe('a process is unready while another may answer what it can not:', () => {
  test('its declaration is only brought in beside the one that others serve', async () => {
    const store = await servingStore([], '0/9', clock, stock)
    const other = await servingStore([], '0/9', clock)
    await declare(other, later)
    const views = [
      { declared: stock, store },
      { declared: later, store: other },
    ]
    ;({ app, served } = await apiOfViews(views, { clock }))
    expect(await codesOf('/ready', '/stock/1', '/users/42')).toEqual([503, 404, 503])
    await complete(other)
    await served[1]!.poll()
    expect(await codesOf('/ready')).toEqual([200])
  })

  test('its declaration is not applied yet', async () => {
    const store = await servingStore([], '0/9', clock, stock)
    const other = await servingStore([], '0/9', clock)
    const views = [
      { declared: stock, store },
      { declared: later, store: other },
    ]
    ;({ app, served } = await apiOfViews(views, { clock }))
    expect(await get('/ready')).toMatchObject({
      code: 503,
      reasons: [expect.stringContaining('kept by another declaration')],
    })
  })

  test('it has not asked for every view yet; one that it asked in vain does not count', async () => {
    const config = { ...readConfig({}), callTimeoutMs: 20 }
    const known = new ServedView({ own, clock, config })
    known.use(users)
    await known.poll()
    const fresh = new ServedView({ own: stock, clock, config })
    const statuses = new Statuses({ views: [known, fresh], clock, config })
    expect(statuses.readiness()).toMatchObject({
      status: 'unavailable',
      reasons: ['the store has not answered yet'],
    })
    fresh.failed(new Error('no rights'))
    expect(statuses.readiness()).toMatchObject({
      status: 'ready',
      reasons: ['the store has not answered yet: no rights'],
    })
  })
})

test('a store that is away is said once, whatever the number of views', async () => {
  const gone = () => Promise.reject(new MillraceError('store-away', 'gone'))
  const away = { reader: () => ({ read: gone, status: gone }) as unknown as ViewReader }
  const views = [own, stock].map((declared) => ({ declared, store: away }))
  ;({ app, served } = await apiOfViews(views, { clock }))
  const reasons = ['the store has not answered yet: gone']
  expect(await get('/ready')).toMatchObject({ code: 503, reasons })
  expect(await get('/fresh')).toMatchObject({ code: 503, reasons })
})
