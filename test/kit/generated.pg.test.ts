import { Client } from 'pg'
import { countOf, defineView, from, numeric, windowOf } from '../../src/index.ts'
import { viewTest } from '../../src/test.ts'
import { postgresServer, type TestServer } from '../support/chain.ts'
import { edgeView } from './every-type.ts'

let server: TestServer
let client: Client
let postgres: string

beforeAll(async () => {
  server = await postgresServer()
  postgres = server.url.replace(/\/[^/]*$/, '/millrace')
  client = new Client(postgres)
  await client.connect()
}, 60_000)

afterAll(async () => {
  await client?.end()
  await server?.stop()
})

async function schemas(): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select nspname as name from pg_namespace where nspname like 'millrace\\_test%'`,
  )
  return rows.map(({ name }) => name)
}

const parcels = defineView({
  name: 'parcels',
  key: { region: 'enum', day: 'date', shop: 'uuid' },
  row: from('s."v1.shops"', {
    key: ['the "Region"', 'day', 'shop'],
    fields: { rent: numeric('rent €') },
  }),
  aggregates: {
    sent: countOf('parcels', { by: ['r1', 'd', 's1'] }),
    received: countOf('parcels', { by: ['r2', 'd', 's2'] }),
    parcelsThere: countOf('t.parcels', { by: ['r1', 'd', 's1'] }),
  },
})
/** Without an owning row. */
const play = defineView({
  name: 'play',
  key: { session: 'integer', start: windowOf('timestamptz', '5 minutes') },
  aggregates: {
    clicks: countOf('clicks', { by: ['session', 'at'] }),
    seen: countOf('views', { by: ['session', 'seen at'] }),
  },
})
const days = defineView({
  name: 'days',
  key: { week: windowOf('date', '7 days'), kind: 'enum' },
  aggregates: { sales: countOf('sales', { by: ['day', 'kind'] }) },
})
const ids = { clicks: { key: 'id' }, views: { key: 'id' } }
const tables = { parcels: { key: 'id' }, 't.parcels': { key: ['r1', 'd', 's1', 'id'] } }

test.each([
  ['keys of several parts, names with quotes and tables of one name', parcels, tables],
  ['a field of every type', edgeView, {}],
  ['windows and no owning row', play, ids],
  ['windows of days', days, { sales: { key: 'id' } }],
])(
  'SQL says the same of a view with %s, and the schema is removed',
  async (_, view, own) => {
    const kit = viewTest(view, { tables: own })
    const done = await kit.generated({ seed: 11, changes: 300, postgres })
    expect(await kit.generated({ seed: 11, changes: 300 })).toEqual(done)
    expect(done.entries).toBeGreaterThan(0)
    expect(done.rolledBack).toBeGreaterThan(0)
    expect(await schemas()).toEqual([])
  },
  60_000,
)

test('where SQL says otherwise it is told, and the schema is removed', async () => {
  // Of every table that is made, deletes are lost.
  await client.query(`create function lose() returns event_trigger language plpgsql as $$
    declare made record;
    begin
      for made in select * from pg_event_trigger_ddl_commands() where command_tag = 'CREATE TABLE' loop
        execute format('create rule lost as on delete to %s do instead nothing', made.objid::regclass);
      end loop;
    end $$;
    create event trigger lose on ddl_command_end when tag in ('CREATE TABLE') execute function lose()`)
  try {
    const kit = viewTest(parcels, { tables })
    await expect(kit.generated({ seed: 1, postgres })).rejects.toThrow(
      /entry [^]+ is [^]+, SQL says [^]*\nAgain with generated\(\{ seed: 1, changes: 200 \}\)\.$/,
    )
    expect(await schemas()).toEqual([])
  } finally {
    await client.query('drop event trigger lose; drop function lose()')
  }
}, 60_000)

test('a database that is not there is told as Postgres tells it', async () => {
  const kit = viewTest(parcels, { tables })
  const nowhere = postgres.replace(/\/[^/]*$/, '/nowhere')
  await expect(kit.generated({ postgres: nowhere })).rejects.toThrow(/"nowhere" does not exist/)
})
