import { exampleRequests } from '../../src/dev/example-requests.ts'
import { boolean } from '../../src/types/declare.ts'
import { eq } from '../../src/view/condition.ts'
import { countOf, defineView, from } from '../../src/view/define-view.ts'
import { windowOf } from '../../src/view/window-of.ts'
import { Client } from 'pg'
import { postgresServer, type TestServer } from '../support/chain.ts'

const berths = defineView({
  name: 'berth-card',
  serve: '/harbours/:harbour/:berth',
  key: { harbour: 'text', berth: 'integer' },
  row: from('berths', { key: ['harbour', 'no'], fields: {} }),
  aggregates: {},
})
const piers = defineView({
  name: 'pier-card',
  key: { pier: 'text', side: 'text' },
  row: from('piers', { key: ['pier', 'side'], fields: {} }),
  aggregates: {},
})

let server: TestServer
let source: string

beforeAll(async () => {
  server = await postgresServer()
  source = server.chain.env.MILLRACE_SOURCE_APP ?? ''
  const client = new Client(source)
  await client.connect()
  await client.query(`create table berths (harbour text, no int, primary key (harbour, no));
    create table piers (pier text, side text, primary key (pier, side))`)
  await client.end()
}, 120_000)

afterAll(() => server?.stop())

async function fill(table: string, values: string): Promise<void> {
  const client = new Client(source)
  await client.connect()
  await client.query(`truncate ${table}; insert into ${table} values ${values}`)
  await client.end()
}

function requests(apiOperators = false): Promise<readonly string[]> {
  const api = 'http://127.0.0.1:8080'
  return exampleRequests({ views: [berths, piers], config: { apiOperators }, source, api })
}

test('an empty table leaves the parts of the key to be filled in', async () => {
  expect(await requests()).toEqual([
    'curl http://127.0.0.1:8080/harbours/:harbour/:berth',
    'pier-card: not served over HTTP, for it has no `serve`',
  ])
})

test('a key that is there is spelled as the path wants it', async () => {
  await fill('berths', `('Zoë''s/cove', 7)`)
  await fill('piers', `('a:b', 'L')`)
  expect(await requests(true)).toEqual([
    "curl 'http://127.0.0.1:8080/harbours/Zo%C3%AB%27s%2Fcove/7'",
    'curl http://127.0.0.1:8080/views/pier-card/a%5C%3Ab%3AL',
  ])
  await fill('berths', `('cove', 7)`)
  expect((await requests())[0]).toBe('curl http://127.0.0.1:8080/harbours/cove/7')
})

test('a view without owning rows is asked for an entry of a row that it counts', async () => {
  const client = new Client(source)
  await client.connect()
  await client.query(`create table clicks (id int primary key, session int, at timestamptz, bot boolean);
    insert into clicks values (1, null, now(), false), (2, 7, 'infinity', false),
      (3, 8, '2026-11-21 10:18:30+00', true), (4, 9, '2026-11-21 10:18:30+00', false)`)
  await client.end()
  const by = ['session', 'at']
  const play = defineView({
    name: 'play',
    serve: '/play/:session/:start',
    key: { session: 'bigint', start: windowOf('timestamptz', '5 minutes') },
    aggregates: { people: countOf('clicks', { by, where: [eq(boolean('bot'), false)] }) },
  })
  const parts = { config: { apiOperators: false }, source, api: 'http://127.0.0.1:8080' }
  expect(await exampleRequests({ views: [play], ...parts })).toEqual([
    'curl http://127.0.0.1:8080/play/9/2026-11-21T10%3A15%3A00.000000Z',
  ])
})

test('a source that does not answer takes nothing but the keys', async () => {
  const found = await exampleRequests({
    views: [berths],
    config: { apiOperators: false },
    source: 'postgres://me@127.0.0.1:1/nowhere',
    api: 'http://127.0.0.1:8080',
  })
  expect(found).toEqual(['curl http://127.0.0.1:8080/harbours/:harbour/:berth'])
})
