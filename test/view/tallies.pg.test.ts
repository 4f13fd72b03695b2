/** What tallies are, kept by the fold and asked of the source, against SQL that is written apart. */
import { Client } from 'pg'
import type { Row } from '../../src/change.ts'
import { KeptView } from '../../src/kit/kept-view.ts'
import { cellsMax } from '../../src/tally-text.ts'
import {
  bigint,
  boolean,
  date,
  enumeration,
  integer,
  numeric,
  timestamptz,
  uuid,
} from '../../src/types/declare.ts'
import { typeOf } from '../../src/types/types.ts'
import { countsOf } from '../../src/view/aggregates/counts-of.ts'
import { earliestOf } from '../../src/view/aggregates/earliest-of.ts'
import { latestOf } from '../../src/view/aggregates/latest-of.ts'
import { maxOf } from '../../src/view/aggregates/max-of.ts'
import { minOf } from '../../src/view/aggregates/min-of.ts'
import { topOf } from '../../src/view/aggregates/top-of.ts'
import { eq, gte } from '../../src/view/condition.ts'
import { countOf, defineView, from } from '../../src/view/define-view.ts'
import { toJson } from '../../src/view/json.ts'
import { readTruth } from '../../src/view/truth-page.ts'
import { keysQuery, rangeQuery, type TruthQuery } from '../../src/view/truth-query.ts'
import { columnsOf } from '../../src/view/view.ts'
import { insert, remove, update } from '../support/builders.ts'
import { postgresServer, type TestServer } from '../support/chain.ts'

const by = 'user_id'
const key = [bigint('id'), 'part']
const view = defineView({
  name: 'listeners',
  key: { userId: 'bigint' },
  row: from('users', { key: 'id', fields: { name: 'name' } }),
  aggregates: {
    listens: countOf('listens', { by }),
    topArtists: topOf('listens', { by, item: { artistId: bigint('artist') }, most: 3 }),
    genres: countsOf('listens', { by, item: { genre: 'genre', live: boolean('live') } }),
    moods: countsOf('listens', { by, item: enumeration('mood'), where: [eq('genre', 'folk')] }),
    recent: latestOf('listens', {
      ...{ by, key, order: timestamptz('at'), most: 4, where: [gte(integer('ms'), 500)] },
      fields: { at: timestamptz('at'), id: bigint('id'), part: 'part', ms: integer('ms') },
    }),
    firstDays: earliestOf('listens', {
      ...{ by, key, order: date('day'), most: 2 },
      fields: { note: 'note', price: numeric('price') },
    }),
    cheapest: minOf('listens', { by, key, of: numeric('price'), scale: 3 }),
    dearest: maxOf('listens', { by, key, of: numeric('price'), scale: 3 }),
    firstToken: minOf('listens', { by, key, of: uuid('token') }),
    lastAt: maxOf('listens', { by, key, of: timestamptz('at') }),
  },
})

const at = `case when isfinite(at) then to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
  else at::text end`
const mine = 'from listens where user_id = u.id'
const list = (object: string, order: string, rows: string) =>
  `(select coalesce(json_agg(json_build_object(${object}) order by ${order}), '[]') from (${rows}) r)`
const genreItem = String.raw`replace(replace(genre, '\', '\\'), ':', '\:') || ':' || live::text`
const expectedSql = `select u.id::text as "userId", name,
  (select count(*)::int ${mine}) as listens,
  ${list(
    `'artistId', artist::text, 'count', n`,
    `n desc, artist::text collate "C"`,
    `select artist, count(*) as n ${mine} and artist is not null group by artist
       order by n desc, artist::text collate "C" limit 3`,
  )} as "topArtists",
  ${list(
    `'genre', genre, 'live', live, 'count', n`,
    `n desc, (${genreItem}) collate "C"`,
    `select genre, live, count(*) as n ${mine} and genre is not null and live is not null
       group by genre, live`,
  )} as genres,
  ${list(
    `'item', mood, 'count', n`,
    `n desc, mood::text collate "C"`,
    `select mood, count(*) as n ${mine} and genre = 'folk' and mood is not null group by mood`,
  )} as moods,
  ${list(
    `'at', ${at}, 'id', id::text, 'part', part, 'ms', ms`,
    `at desc, id desc, to_json(part)::text collate "C" desc`,
    `select * ${mine} and at is not null and ms >= 500
       order by at desc, id desc, to_json(part)::text collate "C" desc limit 4`,
  )} as recent,
  ${list(
    `'note', note, 'price', price::text`,
    `day, id, to_json(part)::text collate "C"`,
    `select * ${mine} and day is not null
       order by day, id, to_json(part)::text collate "C" limit 2`,
  )} as "firstDays",
  (select min(price)::numeric(12, 3)::text ${mine}) as cheapest,
  (select max(price)::numeric(12, 3)::text ${mine}) as dearest,
  (select token::text ${mine} and token is not null order by token limit 1) as "firstToken",
  (select ${at} from (select max(at) as at ${mine}) m) as "lastAt"
  from users u order by u.id`

let server: TestServer
let client: Client

beforeAll(async () => {
  server = await postgresServer()
  client = new Client(server.url)
  await client.connect()
  await client.query(`
    create type mood as enum ('sad', 'ok', 'glad');
    create table users (id bigint primary key, name text);
    create table listens (id bigint, part text, user_id bigint, artist bigint, genre text,
      live boolean, mood mood, ms integer, day date, price numeric(8, 2), at timestamptz,
      token uuid, note text, primary key (id, part));
    create index on listens (user_id);
    insert into users select i, 'user ' || i from generate_series(1, 25) i;
    select setseed(0.20261121);
    insert into listens select i / 2 - 50, (array['a', 'a!', 'a"', 'b\\', ''])[1 + i % 5],
      nullif((random() * 36)::int - 2, 0), nullif((random() * 12)::int, 0),
      (array['folk', 'a:b', 'a\\', 'a', null, 'ö😀'])[1 + (random() * 5)::int],
      (array[true, false, null])[1 + (random() * 2)::int],
      (array['sad', 'ok', 'glad', null])[1 + (random() * 3)::int]::mood,
      (random() * 1000)::int,
      (array[null, 'infinity', '-infinity', '0044-03-15 BC', '10000-01-01', '2026-01-01',
        '2026-01-02'])[1 + (random() * 6)::int]::date,
      case when random() < 0.8 then ((random() - 0.5) * 1e3)::numeric(8, 2) end,
      (array[null, 'infinity', '-infinity', '2026-01-01 00:00:00Z', '1969-12-31 23:59:59.999999Z',
        '2026-01-01 00:00:00.000001Z'])[1 + (random() * 5)::int]::timestamptz,
      case when random() < 0.9 then gen_random_uuid() end,
      (array['"', null, 'x, y'])[1 + (random() * 2)::int]
    from generate_series(1, 900) i;
    delete from listens where user_id in (3, 4);
    insert into listens (id, part, user_id, at)
      values (9001, 'x', 5, null), (9002, 'x', 4, '-infinity');
    delete from listens where user_id = 6 and artist is not null`)
}, 60_000)

afterAll(async () => {
  await client?.end()
  await server?.stop()
})

async function ask(query: TruthQuery) {
  await client.query('begin isolation level repeatable read, read only')
  try {
    for (const text of query.prelude) await client.query(text)
    const answers: unknown[][][] = []
    for (const text of query.statements) {
      answers.push((await client.query<unknown[]>({ text, rowMode: 'array' })).rows)
    }
    return readTruth(view, query, answers)
  } finally {
    await client.query('rollback')
  }
}

async function rowsOf(table: string): Promise<Row[]> {
  const columns = Object.entries({ id: 'bigint', ...columnsOf(view, table) } as const)
  const texts = columns.map(([name, type]) => `${typeOf(type).sql(`"${name}"`)} as "${name}"`)
  const { rows } = await client.query<Record<string, string | null>>(
    `select ${texts.join(', ')} from ${table}`,
  )
  const integers = ['bigint', 'integer']
  const value = (type: string, text: string | null) =>
    text !== null && integers.includes(type) ? BigInt(text) : text
  return rows.map((row) =>
    Object.fromEntries(columns.map(([name, type]) => [name, value(type, row[name]!)])),
  )
}

/** The view as a worker keeps it, after rows have come, changed, moved and gone. */
async function keptView(): Promise<KeptView> {
  const kept = new KeptView(view)
  for (const row of await rowsOf('users'))
    kept.take(kept.contributionsOf(insert('users', { id: row['id']! }, row)))
  const rows = await rowsOf('listens')
  const keyOf = (row: Row) => ({ id: row['id']!, part: row['part']! })
  const give = (change: ReturnType<typeof insert>) => kept.take(kept.contributionsOf(change))
  // Each row comes as its neighbour has it, and changes to its own, one after the other.
  for (const [index, row] of rows.entries()) {
    const other = { ...rows[(index + 1) % rows.length]!, ...keyOf(row) }
    give(insert('listens', keyOf(row), other))
    if (index % 100 === 0) await kept.read(['1'])
    give(update('listens', keyOf(row), { before: other, after: row }))
  }
  for (const row of rows.slice(0, 300)) {
    give(remove('listens', keyOf(row), row))
    if (row === rows[200]) await kept.read(['1'])
    give(insert('listens', keyOf(row), row))
  }
  return kept
}

test('what is kept is what SQL says, and what readers get of it', async () => {
  const { rows: truth } = await client.query<Record<string, unknown>>(expectedSql)
  const kept = await keptView()
  const entries = await kept.read(truth.map(({ userId }) => userId as string))
  expect(entries.map((entry) => toJson(view, entry!))).toEqual(truth)
  const whole = JSON.stringify(truth)
  // So that nothing of it is left out in silence.
  for (const part of ['[]', '"lastAt":null', 'infinity', '"lastAt":"-infinity"', '"cheapest":"-'])
    expect(whole).toContain(part)
})

test.each([
  [1_000, 100_000],
  [4, 100_000],
  [1_000, 7],
  [2, 1],
  [3, 60],
])('the truth in pages of %p keys and %p rows is what is kept', async (keysMax, rowsMax) => {
  const texts = await (await keptView()).texts()
  const found: (readonly [string, string])[] = []
  let after: string | undefined
  do {
    const page = await ask(rangeQuery(view, after, { keysMax, rowsMax }))
    found.push(...page.entries)
    after = page.last
  } while (after !== undefined)
  expect(Object.fromEntries(found)).toEqual(Object.fromEntries(texts))
  expect(found.length).toBe(texts.size)
  expect(texts.size).toBeGreaterThan(30)
})

test('the truth of given keys is what is kept', async () => {
  const texts = await (await keptView()).texts()
  const { entries } = await ask(keysQuery(view, ['x', '1', '1', '01', ...texts.keys()]))
  expect(Object.fromEntries(entries)).toEqual(Object.fromEntries(texts))
})

describe('an entry with thousands of items', () => {
  beforeAll(async () => {
    await client.query(`
      insert into users values (700, 'many');
      insert into listens (id, part, user_id, artist, genre, live)
        select 10000 + i, '', 700, i % 1500, 'folk', i % 3 = 0 from generate_series(1, 5000) i;
      analyze listens`)
  })
  afterAll(async () => {
    await client.query('delete from listens where user_id = 700; delete from users where id = 700')
  })

  test.each([100, 4_000, 100_000])(
    'is told by what it has few items of, in pages of %p rows',
    async (rowsMax) => {
      const pages = [
        await ask(keysQuery(view, ['699', '700'])),
        await ask(rangeQuery(view, '699', { keysMax: 10, rowsMax })),
      ]
      for (const { entries } of pages) {
        const [counts, artists, genres, moods, recent] = entries.get('700')!.split('|')
        expect(counts).toMatch(/;5000$/)
        expect(artists).toBe('*')
        expect(genres).toBe('10:folk:false3334;9:folk:true1666;')
        expect([moods, recent]).toEqual(['', ''])
      }
    },
  )

  test('is not sent', async () => {
    const query = keysQuery(view, ['700'])
    for (const text of query.statements) {
      const { rows } = await client.query<unknown[]>({ text, rowMode: 'array' })
      expect(JSON.stringify(rows).length).toBeLessThan(200)
    }
    expect(cellsMax).toBeLessThan(1_500)
  })

  test('and others are found by the index of what they belong by', async () => {
    await client.query('set enable_seqscan = off')
    for (const text of keysQuery(view, ['1', '2', '700']).statements.slice(1)) {
      const { rows } = await client.query<Record<string, string>>(`explain ${text}`)
      const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
      expect(plan).toMatch(/Index (Only )?Scan/)
      expect(plan).not.toMatch(/Seq Scan/)
    }
    await client.query('set enable_seqscan = on')
  })
})

test('a row that no item can be made of is a fault of the source, with what to do', async () => {
  await client.query(`alter table listens alter column price type numeric;
    insert into listens (id, part, user_id, price) values (8000, '', 5, 'NaN')`)
  await expect(ask(keysQuery(view, ['5']))).rejects.toMatchObject({
    code: 'source-unfit',
    message: 'a row of listens has NaN, which no item can have',
  })
  await client.query(`delete from listens where id = 8000`)
})
