/**
 * The package in a folder of somebody's own: `millrace dev` and `millrace plan`, on tables that are
 * nowhere else in this repository.
 */
import { jest } from '@jest/globals'
import { Client } from 'pg'
import { inDatabase } from '../../src/dev/urls.ts'
import { installPackage, installTimeoutMs, type Installed } from '../package/installed.ts'
import { chainTimeoutMs, postgresServer, type TestServer } from '../support/chain.ts'
import { OwnProject } from '../support/own-project.ts'
import { until } from '../support/wait.ts'

jest.setTimeout(chainTimeoutMs)

const schema = `
create schema quay;
create type quay."Rig" as enum ('sloop', 'ketch', 'yawl');
create table quay."Harbours" (code text primary key, "Full name" text not null, opened date);
create table quay.berths (
  harbour text references quay."Harbours" on delete cascade,
  no integer,
  depth numeric(5, 2),
  primary key (harbour, no)
);
create table quay.moorings (
  id uuid primary key,
  harbour text not null references quay."Harbours" on delete cascade,
  berth integer,
  rig quay."Rig" not null
);`

const seed = `
insert into quay."Harbours" values ('old/cove', 'Zoë''s "Old" Cove', '1987-06-05');
insert into quay.berths values ('old/cove', 1, 3.50), ('old/cove', 2, null);
insert into quay.moorings values ('7a6ad0ad-0b38-4d0f-8d3e-0a5f2c1d9e01', 'old/cove', 1, 'ketch');`

const settings = (lines: string) => `
import { arrayOf, countOf, date, defineConfig, defineView, from, numeric } from 'millrace'

const harbours = defineView({
  name: 'harbour-card',
  serve: '/harbours/:harbour',
  key: { harbour: 'text' },
  row: from('quay."Harbours"', { key: 'code', fields: { name: 'Full name', opened: date('opened') } }),
  aggregates: {
    berthCount: countOf('quay.berths', { by: 'harbour' }),
    mooringCount: countOf('quay.moorings', { by: 'harbour' }),
  },
})
const berths = defineView({
  name: 'berth-card',
  serve: '/berths/:harbour/:berth',
  key: { harbour: 'text', berth: 'integer' },
  row: from('quay.berths', { key: ['harbour', 'no'], fields: { depth: numeric('depth') } }),
  aggregates: { mooringCount: countOf('quay.moorings', { by: ['harbour', 'berth'] }) },
})

export default defineConfig({
  ${lines}
  slot: 'tide',
  publication: 'tide_tables',
  connector: 'tide.1',
  views: [harbours, berths],
})
`

const card = {
  harbour: 'old/cove',
  name: 'Zoë\'s "Old" Cove',
  opened: '1987-06-05',
  berthCount: 2,
  mooringCount: 1,
}

/** On a machine that is busy with other things. */
const patient = { MILLRACE_CALL_TIMEOUT_MS: '20000' }

let shop: Installed
let project: OwnProject | undefined

beforeAll(async () => {
  shop = await installPackage()
}, installTimeoutMs)

afterAll(() => shop?.remove())

afterEach(async () => {
  await project?.remove()
  project = undefined
}, 60_000)

/** What the requests that `dev` has printed are answered, in their order. */
async function answers(said: string): Promise<unknown[]> {
  const urls = [...said.matchAll(/curl (\S+)$/gm)].map(([, url]) => url!)
  return Promise.all(urls.map(async (url) => (await fetch(url)).json()))
}

async function write(url: string, ...statements: readonly string[]): Promise<void> {
  const client = new Client(url)
  await client.connect()
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}

const andMore = [
  `insert into quay.moorings values ('7a6ad0ad-0b38-4d0f-8d3e-0a5f2c1d9e02', 'old/cove', 2, 'yawl')`,
  `update quay.moorings set berth = 1 where berth = 2`,
  `delete from quay.berths where no = 2`,
]

async function untilFollowed(said: string): Promise<void> {
  const [harbour, berth] = [
    { ...card, berthCount: 1, mooringCount: 2 },
    { harbour: 'old/cove', berth: 1, depth: '3.50', mooringCount: 2 },
  ]
  let found: readonly unknown[] = []
  const texts = (cards: readonly unknown[]) => cards.map((each) => Object.entries(each!).join())
  await until('the views follow', async () => {
    found = await answers(said)
    return texts(found).join() === texts([harbour, berth]).join()
  }).catch(() => undefined)
  expect(found).toEqual([harbour, berth])
}

test('with a Postgres of its own, which begins with the files that are named', async () => {
  const own = await OwnProject.create(shop.folder, {
    'millrace.config.ts': settings(''),
    'schema.sql': schema,
    'seed.sql': seed,
  })
  project = own
  own.startDev(['--init', 'schema.sql,seed.sql'])
  await own.untilSaid('Ctrl-C stops everything')
  expect(own.said).toMatch(/schema\.sql was run .*\n.*seed\.sql was run in the empty database/)
  for (const what of ['create publication tide_tables', 'create connector tide.1']) {
    expect(own.said).toContain(`${what}: ok`)
  }
  expect((await answers(own.said))[0]).toEqual(card)
  const [, owner = ''] = /Postgres +(\S+)/.exec(own.said) ?? []
  await write(owner, ...andMore)
  await untilFollowed(own.said)
  expect(await own.run(['plan'], patient)).toMatchObject({ code: 0 })
  expect(await own.endOfDev('SIGINT')).toBe(0)
  expect(own.said).not.toContain('pg_drop_replication_slot')
})

describe('around a Postgres of somebody else', () => {
  let server: TestServer
  const database = (user: readonly [string, string]) => inDatabase(server.url, 'shop', user)
  /** Owns the database and its tables, and is no superuser. */
  const keeper = ['keeper', 'own p@ssword'] as const

  beforeAll(async () => {
    server = await postgresServer()
    const [name, password] = keeper
    // The server of tests has the roles of a chain already.
    await write(inDatabase(server.url, 'millrace'), 'drop owned by millrace_capture')
    await write(server.url, 'drop role millrace_capture')
    await write(
      server.url,
      `create role ${name} login password '${password}'`,
      `create database shop owner ${name}`,
    )
    await write(database(keeper), schema, seed)
  })

  afterAll(() => server?.stop())

  test('what its owner may not do is said with its SQL; once that was run, it comes up', async () => {
    const own = await OwnProject.create(shop.folder, {
      'millrace.config.ts': settings(`source: ${JSON.stringify(database(keeper))},`),
    })
    project = own
    own.startDev()
    expect(await own.endOfDev()).toBe(1)
    expect(own.said).toContain('MILLRACE_CAPTURE=postgres://millrace_capture:')
    expect(own.said).not.toContain(encodeURIComponent(keeper[1]))
    expect(own.said).not.toContain('is up')

    const statements = [...own.said.matchAll(/^ +((?:create|grant|alter) .*;)$/gm)]
    const byHand = statements.map(([, sql]) => sql!.replace(/'<.*>'/, `'made by hand'`))
    expect(byHand.length).toBeGreaterThan(0)
    await write(inDatabase(server.url, 'shop'), ...byHand)
    const capture = database(['millrace_capture', 'made by hand'])

    own.startDev([], { MILLRACE_CAPTURE: capture })
    await own.untilSaid('Ctrl-C stops everything')
    expect(own.said).not.toContain('postgres is up')
    expect((await answers(own.said))[0]).toEqual(card)
    await write(database(keeper), ...andMore)
    await untilFollowed(own.said)
    expect(await own.run(['plan'], patient)).toMatchObject({ code: 0 })
    expect(await own.endOfDev('SIGINT')).toBe(0)
    expect(own.said).toContain(`select pg_drop_replication_slot('tide')`)
    expect(own.said).not.toMatch(/made(%20| )by(%20| )hand|own(%20| )p/)

    own.startDev(['--reset'], { MILLRACE_CAPTURE: capture })
    await own.untilSaid('Ctrl-C stops everything')
    await untilFollowed(own.said)
    expect(await own.endOfDev('SIGINT')).toBe(0)
  })
})
