import type { FastifyInstance } from 'fastify'
import { ownView } from '../../src/coordinate/view-plan.ts'
import { countOf, defineView, from } from '../../src/view/define-view.ts'
import { userInformation } from '../../examples/social/user-information.ts'
import type { ServedView } from '../../src/web/served-view.ts'
import { apiOver, begunStore, doubt, servingStore, user } from './support.ts'

const library = (given: object = {}) =>
  defineView({
    name: 'libraries',
    key: { isbn: 'text' },
    row: from('books', { key: 'isbn', fields: { title: 'title' } }),
    aggregates: { copies: countOf('copies', { by: 'isbn' }) },
    ...given,
  })

const apps: FastifyInstance[] = []
afterEach(() => Promise.all(apps.splice(0).map((app) => app.close())))

async function served(...given: Parameters<typeof apiOver>) {
  const api = await apiOver(...given)
  apps.push(api.app)
  return api
}

describe('many entries at once', () => {
  async function users(count: number) {
    const store = await servingStore(Array.from({ length: count }, (_, i) => user(String(i))))
    const api = await served(store)
    return { ...api, store, get: (ids: string) => api.app.inject(`/users?ids=${ids}`) }
  }

  test('are those that there are, in the order asked, each once, and the keys of the others', async () => {
    const { get } = await users(5)
    const answer = await get('3,99,1,3,-7')
    expect(answer.statusCode).toBe(200)
    const { found, missing } = answer.json<{ found: { userId: string }[]; missing: string[] }>()
    expect(found.map(({ userId }) => userId)).toEqual(['3', '1'])
    expect(missing).toEqual(['99', '-7'])
    expect(found[0]).toEqual((await apps.at(-1)!.inject('/users/3')).json())
    expect(answer.headers['millrace-watermark']).toBe('16/B374D848')
  })

  test('are read from the store in one call', async () => {
    const { app, served: view } = await users(100)
    const calls = countCalls(view)
    const answer = await app.inject(`/users?ids=${Array.from({ length: 100 }, (_, i) => i).join()}`)
    expect(answer.json<{ found: object[] }>().found).toHaveLength(100)
    expect(calls).toEqual([100])
  })

  test.each(['', '1,', ',1', 'x', '1,01', '1&ids=2', Array.from({ length: 101 }, () => 1).join()])(
    'are refused for ids=%j',
    async (ids) => {
      const { get } = await users(1)
      const answer = await get(ids)
      expect(answer.statusCode).toBe(400)
      expect(answer.json()).toMatchObject({
        type: 'urn:problem-type:millrace:bad-key',
        detail: expect.stringContaining('ids has 1 to 100 keys with commas between them'),
      })
    },
  )

  test('are refused without ids', async () => {
    const { app } = await users(1)
    expect((await app.inject('/users')).statusCode).toBe(400)
  })

  test('are not sent again to who has them', async () => {
    const { app, get } = await users(3)
    const { etag } = (await get('1,2')).headers
    const headers = { 'if-none-match': String(etag) }
    expect((await app.inject({ url: '/users?ids=1,2', headers })).statusCode).toBe(304)
    expect((await app.inject({ url: '/users?ids=2,1', headers })).statusCode).toBe(200)
  })

  test('wait with 503 for the view, and say what is doubted of it', async () => {
    const { app: early } = await served(await begunStore())
    expect((await early.inject('/users?ids=1')).statusCode).toBe(503)
    const store = await servingStore([user('1')])
    await doubt(store)
    const { app } = await served(store)
    expect((await app.inject('/users?ids=1')).headers['millrace-doubt']).toBe('table-rewritten')
    const { app: strict } = await served(store, { config: { onDoubt: 'refuse' } })
    expect((await strict.inject('/users?ids=1')).statusCode).toBe(503)
  })

  test('know GET and HEAD alone', async () => {
    const { app } = await users(1)
    const answer = await app.inject({ method: 'POST', url: '/users?ids=1' })
    expect([answer.statusCode, answer.headers.allow]).toEqual([405, 'GET, HEAD'])
  })
})

describe('a view that is not public', () => {
  const hidden = ownView({ ...userInformation, serve: undefined })

  test('is served nowhere', async () => {
    const { app } = await served(await servingStore([user('1')]), { declared: hidden })
    for (const path of ['/users/1', '/users?ids=1', '/views/user-information/1']) {
      expect((await app.inject(path)).statusCode).toBe(404)
    }
  })

  test('is shown to operators where that is switched on', async () => {
    const config = { apiOperators: true }
    const { app } = await served(await servingStore([user('1')]), { declared: hidden, config })
    const shown = await app.inject('/views/user-information/1')
    expect(shown.json()).toMatchObject({ userId: '1', username: 'user1' })
    expect((await app.inject('/views/user-information/x')).statusCode).toBe(400)
    const none = await app.inject('/views/others/1')
    expect(none.statusCode).toBe(404)
    expect(none.json()).toMatchObject({ detail: expect.stringContaining('user-information') })
    expect((await app.inject('/users/1')).statusCode).toBe(404)
  })
})

describe('where a view is served', () => {
  test.each(['books/:isbn', '/books', '/books/:id', '/books/:isbn/x', '/:isbn:isbn', '/a b/:isbn'])(
    '%s is refused',
    (serve) => {
      expect(() => library({ serve })).toThrow(`serve '${serve}'`)
    },
  )

  test.each(['/status/:isbn', '/views/:isbn', '/openapi.json/:isbn'])(
    '%s is the server’s own',
    (serve) => {
      expect(() => library({ serve })).toThrow("is a path of the server's own")
    },
  )
})

/** How many keys each call of the store has, from now on. */
function countCalls(view: ServedView): number[] {
  const calls: number[] = []
  const read = view.read.bind(view)
  view.read = (keys) => {
    calls.push(keys.length)
    return read(keys)
  }
  return calls
}
