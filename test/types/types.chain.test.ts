/** Every type through the real connector: what the decoder makes of it is what SQL says. */
import { Client } from 'pg'
import type { Row, StreamedChange } from '../../src/change.ts'
import { systemClock } from '../../src/clock.ts'
import { kafkaChangeLog } from '../../src/consume/kafka/kafka-change-log.ts'
import { topicOf } from '../../src/coordinate/setup.ts'
import { decoder, type Decoder } from '../../src/decode/decoder.ts'
import { schemaRegistry } from '../../src/decode/registry.ts'
import type { Chain } from '../../src/dev/chain.ts'
import { createLog } from '../../src/log.ts'
import { canonicalTable } from '../../src/table-name.ts'
import { typeOf, type ColumnType } from '../../src/types/types.ts'
import { fold } from '../../src/view/fold.ts'
import { identifier, tableName } from '../../src/view/sql-text.ts'
import { viewOf, type View } from '../../src/view/view.ts'
import { placeholder } from '../support/builders.ts'
import { chainTimeoutMs, startTestChain, stopTestChain } from '../support/chain.ts'
import { withLogReader } from '../support/kafka-worker.ts'
import { until } from '../support/wait.ts'
import { edges, moodLabels, type Edges } from './edges.ts'

const schema = '"edge.s ä"'
/** Names that Avro and Kafka can't have. */
const id = '1 id'
const value = 'the "Value"'

let chain: Chain
let client: Client
let log: ReturnType<typeof kafkaChangeLog>

beforeAll(async () => {
  chain = await startTestChain({
    servers: ['postgres', 'kafka', 'registry', 'connect'],
    connector: {
      'table.include.list': null,
      'column.include.list': null,
      'topic.creation.default.partitions': '1',
    },
  })
  const admin = chain.env.MILLRACE_SOURCE_ADMIN ?? ''
  client = new Client({ connectionString: admin.replace(/\/[^/]*$/, '/millrace') })
  await client.connect()
  const labels = moodLabels.map((label) => `'${label.replaceAll("'", "''")}'`)
  await client.query(`create schema ${schema}; grant usage on schema ${schema} to millrace_capture;
    create type edge_mood as enum (${labels.join(', ')}); set extra_float_digits = 1`)
  log = kafkaChangeLog({
    brokers: [chain.urls.kafka],
    recordsMax: 1_000,
    log: createLog('silent', 'test'),
  })
}, chainTimeoutMs)

afterAll(async () => {
  await client?.end()
  await log?.close()
  if (chain) await stopTestChain(chain)
}, 60_000)

function tableOf(name: string): string {
  return canonicalTable(`${schema}."${name.replaceAll('"', '""')}"`)
}

async function create(table: string, columns: string): Promise<void> {
  const name = tableName(table)
  await client.query(`create table ${name} (${columns}); alter table ${name} replica identity full;
    alter publication millrace add table ${name}`)
}

/** A view that reads these columns of the table, also as they were before. */
function viewOfColumns(table: string, columns: Readonly<Record<string, ColumnType>>): View {
  const key = Object.entries(columns).map(([, type], at) => ({ name: `part${at}`, type }))
  const by = Object.keys(columns)
  return viewOf({
    name: 'edges',
    key,
    row: { table: 'nothing', key: by, fields: [] },
    counts: [{ name: 'n', stored: 'n', table, by, where: [], adds: { kind: 'row' } }],
    tallies: [],
    aggregates: [],
  })
}

function decoderOf(view: View, table: string): Decoder {
  return decoder({
    view,
    table,
    topic: topicOf('millrace', table),
    placeholder,
    registry: schemaRegistry(chain.urls.registry, { callTimeoutMs: 5_000 }),
    clock: systemClock,
    unknownSchemaMs: 0,
  })
}

/** The first records of the table's topic, decoded, tombstones left out. */
async function decodedOf(view: View, table: string, count: number) {
  const decode = decoderOf(view, table)
  const topic = topicOf('millrace', table)
  const found: Awaited<ReturnType<Decoder['decode']>>[] = []
  await until(`${count} changes of ${table}`, async () => {
    found.length = 0
    try {
      await withLogReader(log, topic, async (reader) => {
        const { start, end } = await reader.bounds()
        reader.seek(start)
        for (let at = start; at < end;) {
          const batch = await reader.next(1_000)
          if (!batch) break
          at = batch.next
          for (const record of batch.records) found.push(await decode.decode(record))
        }
      })
    } catch {
      return false
    }
    return found.filter(({ kind }) => kind !== 'tombstone').length >= count
  })
  return found.filter(({ kind }) => kind !== 'tombstone')
}

async function changesOf(view: View, table: string, count: number): Promise<StreamedChange[]> {
  return (await decodedOf(view, table, count)).map((decoded) => {
    if (decoded.kind !== 'change' || decoded.change.kind === 'read') {
      throw new Error(JSON.stringify(decoded))
    }
    return decoded.change
  })
}

/** What SQL says of a column, by id. */
async function truthOf(table: string, type: ColumnType): Promise<Map<string, string | null>> {
  const { rows } = await client.query<{ id: string; text: string | null }>(
    `select ${identifier(id)}::text as id, ${typeOf(type).sql(identifier(value))} as text
     from ${tableName(table)}`,
  )
  return new Map(rows.map((row) => [row.id, row.text]))
}

const textOf = (row: Row, column: string) => (row[column] === null ? null : String(row[column]))

describe('comes through the connector as SQL says it, before and after:', () => {
  test.each(edges.map((edge, at) => [edge.type, edge.column, edge, at] as const))(
    '%s from %s',
    async (type, column, edge, at) => {
      const table = tableOf(`E${at}.${type} ä`)
      await create(
        table,
        `${identifier(id)} int primary key, ${identifier(value)} ${column}, witness text`,
      )
      // Tells that the row before was given where the value itself is null.
      const columns = `${identifier(id)}, ${identifier(value)}, witness`
      const values = [...edge.values.map(([sql]) => sql), 'null']
      for (const [place, sql] of values.entries()) {
        await client.query(
          `insert into ${tableName(table)} (${columns}) select ${place}, (${sql})::${column}, 'w'`,
        )
      }
      const inserted = await truthOf(table, type)
      expect([...inserted.values()]).toEqual([...edge.values.map(([, text]) => text), null])
      // Each row gets the value of the next one.
      await client.query(`update ${tableName(table)} t set ${identifier(value)} = next.${identifier(value)}
        from ${tableName(table)} next
        where next.${identifier(id)} = (t.${identifier(id)} + 1) % ${values.length}`)
      const updated = await truthOf(table, type)
      const view = viewOfColumns(table, { [id]: 'integer', [value]: type })
      const seen = { inserted: new Map(), before: new Map(), updated: new Map() }
      for (const change of await changesOf(view, table, values.length * 2)) {
        const key = String(change.key[id])
        if (change.kind === 'insert') seen.inserted.set(key, textOf(change.after, value))
        if (change.kind !== 'update') continue
        seen.before.set(key, textOf(change.before!, value))
        seen.updated.set(key, textOf(change.after, value))
      }
      expect(seen).toEqual({ inserted, before: inserted, updated })
    },
    60_000,
  )
})

/** For each of them there is a condition that a table has to hold to, or a record that is parked. */
describe('does not come through the connector:', () => {
  const unwritten = edges.filter((edge) => edge.unwritten)
  const nested: Edges = {
    type: 'text[]',
    column: 'text[]',
    values: [["'{{a,b},{c,NULL}}'", '["a","b","c",null]']],
  }
  const all = [...unwritten.map((edge) => ({ ...edge, values: edge.unwritten! })), nested]
  test.each(all.map((edge, at) => [edge.type, edge.values[0]![0], edge, at] as const))(
    '%s %s',
    async (type, _, { column, values }, at) => {
      const table = tableOf(`u${at}`)
      await create(table, `${identifier(id)} int primary key, ${identifier(value)} ${column}`)
      const [[sql, text]] = values as [readonly [string, string]]
      await client.query(`insert into ${tableName(table)} select 1, (${sql})::${column}`)
      expect([...(await truthOf(table, type)).values()]).toEqual([text])
      const view = viewOfColumns(table, { [value]: type })
      const [decoded] = await decodedOf(view, table, 1)
      if (decoded!.kind === 'undecodable') return
      expect(decoded).not.toMatchObject({ change: { after: { [value]: text } } })
    },
    60_000,
  )
})

test('domains come as what they are made of', async () => {
  const domains = {
    dn: ['numeric(10,3)', 'numeric', `'NaN'`, `1.5`],
    dt: ['varchar(20)', 'text', `''`, `'x '`],
    dc: ['char(4)', 'char', `''`, `'x'`],
    dm: ['edge_mood', 'enum', `'sad'`, `'b,c\\d'`],
    di: ['int[]', 'integer[]', `'{}'`, `'{1,null}'`],
    dz: ['timestamptz', 'timestamptz', `'infinity'`, `'2020-01-01 00:00:00+00'`],
    dd: ['date', 'date', `'-infinity'`, `'0044-03-15 BC'`],
  } as const
  const table = tableOf('domains')
  const names = Object.keys(domains) as (keyof typeof domains)[]
  for (const name of names) await client.query(`create domain ${name} as ${domains[name][0]}`)
  await client.query('create domain nested as dt')
  await create(
    table,
    `id int primary key, ${names.map((name) => `${name} ${name}`).join()}, nested nested default 'n'`,
  )
  for (const [at, row] of [2, 3].entries()) {
    const values = names.map((name) => domains[name][row]!)
    await client.query(
      `insert into ${tableName(table)} (id, ${names.join()}) values (${at}, ${values.join()})`,
    )
  }
  const columns = Object.fromEntries(names.map((name) => [name, domains[name][1]]))
  const all: Record<string, ColumnType> = { ...columns, nested: 'text' }
  const texts = Object.entries(all).map(([name, type]) => `${typeOf(type).sql(name)} as ${name}`)
  const { rows } = await client.query(`select ${texts.join()} from ${tableName(table)} order by id`)
  const changes = await changesOf(viewOfColumns(table, all), table, 2)
  expect(changes.map((change) => change.kind === 'insert' && change.after)).toEqual(rows)
}, 60_000)

test('a deleted row tells the parts of its key as SQL says them', async () => {
  const parts = { u: 'uuid', d: 'date', e: 'enum', s: 'smallint', v: 'text' } as const
  const table = tableOf('keys')
  const name = tableName(table)
  await create(
    table,
    `u uuid, d date, e edge_mood, s smallint, v varchar(9), primary key (u, d, e, s, v)`,
  )
  await client.query(`alter table ${name} replica identity default;
    insert into ${name} values
      ('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', '0044-03-15 BC', 'b,c\\d', -5, ':x\\'),
      ('00000000-0000-0000-0000-000000000000', '1970-01-01', 'sad', 0, '')`)
  await client.query(`delete from ${name}`)
  const view = viewOfColumns(table, parts)
  const given = (await changesOf(view, table, 4)).map((change) => {
    const folded = fold(view, change)
    if (folded.kind === 'unusable') throw new Error(folded.reason)
    return folded.contributions.map(({ entry, add }) => [entry, add['n']])
  })
  const keys = [
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11:-0043-03-15:b,c\\\\d:-5:\\:x\\\\',
    '00000000-0000-0000-0000-000000000000:1970-01-01:sad:0:',
  ]
  const expected = [1n, -1n].flatMap((amount) => keys.map((key) => [[key, amount]]))
  expect(given).toHaveLength(expected.length)
  expect(given).toEqual(expect.arrayContaining(expected))
}, 60_000)

test('a partitioned table comes as one, also a row that moves between its partitions', async () => {
  const table = tableOf('Parted')
  const name = tableName(table)
  await client.query('alter publication millrace set (publish_via_partition_root = true)')
  await client.query(`create table ${name} (region text, id int, u uuid, primary key (region, id))
      partition by list (region);
    create table ${schema}."eu.part" partition of ${name} for values in ('eu');
    create table ${schema}.us_part partition of ${name} for values in ('us', 'ca');
    alter table ${schema}."eu.part" replica identity full;
    alter table ${schema}.us_part replica identity full;
    alter publication millrace add table ${name}`)
  await client.query(
    `insert into ${name} values ('eu', 1, '${'0'.repeat(32)}'), ('us', 2, '${'e'.repeat(32)}')`,
  )
  await client.query(`update ${name} set region = 'us' where id = 1`)
  await client.query(`update ${name} set u = '${'f'.repeat(32)}' where id = 2`)
  const view = viewOfColumns(table, { region: 'text', id: 'integer', u: 'uuid' })
  const u = '00000000-0000-0000-0000-000000000000'
  expect(await changesOf(view, table, 5)).toMatchObject([
    { kind: 'insert', after: { region: 'eu', id: 1n, u } },
    { kind: 'insert', after: { region: 'us', id: 2n, u: u.replaceAll('0', 'e') } },
    { kind: 'delete', before: { region: 'eu', id: 1n, u } },
    { kind: 'insert', after: { region: 'us', id: 1n, u } },
    {
      kind: 'update',
      before: { region: 'us', id: 2n, u: u.replaceAll('0', 'e') },
      after: { region: 'us', id: 2n, u: u.replaceAll('0', 'f') },
    },
  ])
}, 60_000)
