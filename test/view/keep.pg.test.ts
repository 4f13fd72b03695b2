/** The truth of a view that keeps its entries for some time, against SQL that is written apart. */
import { Client } from 'pg'
import { belowBound } from '../../src/keep.ts'
import { countOf, defineView, from } from '../../src/view/define-view.ts'
import { readTruth } from '../../src/view/truth-page.ts'
import { rangeQuery, type TruthQuery } from '../../src/view/truth-query.ts'
import type { View } from '../../src/view/view.ts'
import { windowOf, type PartDeclaration } from '../../src/view/window-of.ts'
import { postgresServer, type TestServer } from '../support/chain.ts'
import { dayStart } from '../support/library-days.ts'

let server: TestServer
let client: Client

beforeAll(async () => {
  server = await postgresServer()
  client = new Client(server.url)
  await client.connect()
  await client.query(`set timezone = 'Asia/Tokyo'; set enable_seqscan = off;
    create table books (id bigint primary key, author bigint, out_at timestamptz, out_on date,
      out_there timestamp);
    insert into books
    select n, n % 7, t, (t at time zone 'utc')::date, t at time zone 'utc' from (
      select n, timestamptz '2026-10-20 00:00+00' + n * interval '97 minutes' as t
      from generate_series(1, 400) as n) as r;
    insert into books values (901, 1, '-infinity', '-infinity', '-infinity'),
      (902, 1, 'infinity', 'infinity', 'infinity'), (903, 1, null, null, null),
      (904, 1, '2026-11-02 00:00+00', '2026-11-02', '2026-11-02 00:00'),
      (905, 1, '2026-11-01 23:59:59.999999+00', '2026-11-01', '2026-11-01 23:59:59.999999');
    create index on books (author, out_at);
    create table stays (author bigint, day date, room text, primary key (author, day));
    insert into stays select n % 3, date '2026-10-25' + n / 3, 'r' || n from generate_series(0, 60) n;
    insert into stays values (1, '-infinity', 'x'), (1, 'infinity', 'y')`)
}, 60_000)

afterAll(async () => {
  await client?.end()
  await server?.stop()
}, 30_000)

function viewOf(part: PartDeclaration, column: string): View {
  return defineView({
    name: 'library-days',
    key: { author: 'bigint', day: part },
    aggregates: { bookCount: countOf('books', { by: ['author', column] }) },
    keep: '60 days',
  })
}

const withRow = defineView({
  name: 'library-stays',
  key: { author: 'bigint', day: 'date' },
  row: from('stays', { key: ['author', 'day'], fields: { room: 'room' } }),
  aggregates: { bookCount: countOf('books', { by: ['author', 'out_on'] }) },
  keep: '60 days',
})

const bound = dayStart('2026-11-02')

async function ask(view: View, query: TruthQuery) {
  const rowsOf = async (text: string) => (await client.query({ text, rowMode: 'array' })).rows
  await client.query('begin')
  for (const text of query.prelude) await client.query(text)
  const answers: unknown[][][] = []
  for (const text of query.statements) answers.push(await rowsOf(text))
  await client.query('commit')
  return readTruth(view, query, answers)
}

/** All entries, page by page. */
async function walked(view: View, keepFrom: number | undefined) {
  const entries = new Map<string, string>()
  let after: string | undefined
  do {
    const page = await ask(view, rangeQuery(view, after, { keysMax: 5, rowsMax: 40 }, keepFrom))
    for (const [key, text] of page.entries) entries.set(key, text)
    after = page.last
  } while (after !== undefined)
  return entries
}

test.each([
  ['a window of timestamptz', viewOf(windowOf('timestamptz', '1 day'), 'out_at')],
  ['a window of timestamp', viewOf(windowOf('timestamp', '1 day'), 'out_there')],
  ['a window of date', viewOf(windowOf('date', '1 day'), 'out_on')],
  ['a date', viewOf('date', 'out_on')],
  ['a date of an owning row', withRow],
])('%s: pages leave out what is below the bound, and nothing else', async (_, view) => {
  const all = await walked(view, undefined)
  const isBelow = belowBound(view.key, bound)
  const kept = new Map([...all].filter(([key]) => !isBelow(key)))
  expect(kept.size).toBeGreaterThan(50)
  expect(all.size).toBeGreaterThan(kept.size + 50)
  expect(await walked(view, bound)).toEqual(kept)
})

test('the rows that are kept are those that SQL says', async () => {
  const found = await walked(viewOf(windowOf('timestamptz', '1 day'), 'out_at'), bound)
  const { rows } = await client.query(
    `select author || ':' || to_char(date_bin('1 day', out_at, '1970-01-01 00:00+00')
         at time zone 'utc', 'YYYY-MM-DD') as key, count(*)::text as n
     from books where isfinite(out_at) and out_at >= '2026-11-02 00:00+00' group by 1`,
  )
  const said = new Map(rows.map(({ key, n }) => [`${key}T00\\:00\\:00.000000Z`, `-;${n}`]))
  expect(found).toEqual(said)
})

test('an index that has the time serves the bound', async () => {
  const view = viewOf(windowOf('timestamptz', '1 day'), 'out_at')
  const query = rangeQuery(view, undefined, { keysMax: 5, rowsMax: 40 }, bound)
  const { rows } = await client.query(`explain ${query.statements[0]}`)
  const plan = rows.map((row) => row['QUERY PLAN'] as string)
  expect(plan.find((line) => /Index Cond.*out_at >= /.test(line))).toBeDefined()
})
