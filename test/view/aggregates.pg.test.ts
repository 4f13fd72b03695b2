/** What sums, averages and filtered counts are, against SQL that is written apart from the view. */
import type { Client } from 'pg'
import type { Row } from '../../src/change.ts'
import { judge } from '../../src/reconcile/judge.ts'
import { absentText, decodeEntry, encodeEntry } from '../../src/store/entry-text.ts'
import {
  bigint,
  boolean,
  integer,
  numeric,
  smallint,
  timestamptz,
} from '../../src/types/declare.ts'
import { typeOf } from '../../src/types/types.ts'
import { averageOf } from '../../src/view/aggregates/average-of.ts'
import { sumOf } from '../../src/view/aggregates/sum-of.ts'
import { eq, gte, inArray, isNotNull, isNull, lt, ne } from '../../src/view/condition.ts'
import { consolidator } from '../../src/view/consolidate.ts'
import { countOf, defineView, from } from '../../src/view/define-view.ts'
import { fold } from '../../src/view/fold.ts'
import { toJson } from '../../src/view/json.ts'
import { keysQuery, rangeQuery } from '../../src/view/truth-query.ts'
import { columnsOf } from '../../src/view/view.ts'
import { sourceFixture, type SourceFixture } from '../source/source-fixture.ts'
import { askTruth } from '../support/ask-truth.ts'
import { insert, remove, update } from '../support/builders.ts'

const by = 'movie_id'
const view = defineView({
  name: 'movies',
  key: { movieId: 'bigint' },
  row: from('movies', { key: 'id', fields: { title: 'title' } }),
  aggregates: {
    ratingCount: countOf('ratings', { by }),
    spamCount: countOf('ratings', { by, where: [eq(boolean('spam'), true)] }),
    goodCount: countOf('ratings', {
      by,
      where: [gte(smallint('stars'), 4), isNull(boolean('spam'))],
    }),
    otherCount: countOf('ratings', {
      by,
      where: [ne('note', 'good'), isNotNull(smallint('stars'))],
    }),
    someCount: countOf('ratings', { by, where: [inArray('note', ['good', "it's"])] }),
    earlyCount: countOf('ratings', {
      by,
      where: [lt(timestamptz('at'), '2026-01-01T00:00:00.000000Z')],
    }),
    starSum: sumOf('ratings', { by, of: smallint('stars') }),
    hugeSum: sumOf('ratings', { by, of: bigint('huge') }),
    paid: sumOf('ratings', { by, of: numeric('paid'), scale: 3 }),
    refunded: sumOf('ratings', {
      by,
      of: numeric('paid'),
      scale: 3,
      where: [lt(numeric('paid'), 0)],
    }),
    starAverage: averageOf('ratings', { by, of: smallint('stars'), digits: 2 }),
    paidAverage: averageOf('ratings', { by, of: numeric('paid'), scale: 3, digits: 1 }),
    deltaAverage: averageOf('ratings', { by, of: integer('delta'), digits: 0 }),
    hugeAverage: averageOf('ratings', { by, of: bigint('huge'), digits: 18 }),
    longAverage: averageOf('ratings', { by, of: numeric('paid'), scale: 3, digits: 18 }),
  },
})

/** Rounded once: `avg` itself has about 16 digits, of which the answer would be rounded again. */
const average = (column: string, digits: number) =>
  `round(sum(${column})::numeric(60, 40) / count(${column}), ${digits})::text`

const expectedSql = `select k::text as "movieId", m.title,
    count(r.*)::int as "ratingCount",
    (count(*) filter (where spam))::int as "spamCount",
    (count(*) filter (where stars >= 4 and spam is null))::int as "goodCount",
    (count(*) filter (where note <> 'good' and stars is not null))::int as "otherCount",
    (count(*) filter (where note in ('good', 'it''s')))::int as "someCount",
    (count(*) filter (where at < '2026-01-01 00:00:00+00'))::int as "earlyCount",
    coalesce(sum(stars), 0)::text as "starSum",
    coalesce(sum(huge), 0)::text as "hugeSum",
    coalesce(sum(paid), 0)::numeric(30, 3)::text as "paid",
    coalesce(sum(paid) filter (where paid < 0), 0)::numeric(30, 3)::text as "refunded",
    round(avg(stars), 2)::text as "starAverage",
    round(avg(paid), 1)::text as "paidAverage",
    round(avg(delta), 0)::text as "deltaAverage",
    ${average('huge', 18)} as "hugeAverage",
    ${average('paid', 18)} as "longAverage"
  from (select id from movies union select movie_id from ratings where movie_id is not null) keys(k)
    left join movies m on m.id = k left join ratings r on r.movie_id = k
  group by k, m.title order by k`

const int64Max = 2n ** 63n - 1n

let fixture: SourceFixture
let client: Client

beforeAll(async () => {
  fixture = await sourceFixture()
  client = fixture.admin
  await client.query(`
    create table movies (id bigint primary key, title text);
    create table ratings (id bigint primary key, movie_id bigint, stars smallint, note text,
      huge bigint, paid numeric(12, 3), delta integer, spam boolean, at timestamptz);
    create index on ratings (movie_id);
    insert into movies select i, 'movie ' || i from generate_series(1, 30) i;
    select setseed(0.20261121);
    insert into ratings select i, nullif((random() * 44)::int - 2, 0),
      case when random() < 0.8 then (random() * 10)::int - 5 end,
      (array['good', 'bad', 'it''s', '', null])[1 + (random() * 4)::int],
      case when random() < 0.9 then ((random() - 0.5) * 1e18)::bigint end,
      case when random() < 0.9 then ((random() - 0.5) * 1e6)::numeric(12, 3) end,
      case when random() < 0.7 then ((random() - 0.5) * 7)::int end,
      (array[true, false, null])[1 + (random() * 2)::int],
      case when random() < 0.1 then 'infinity'::timestamptz
        when random() < 0.9 then '2025-12-31 20:00:00+00'::timestamptz + i * interval '1 minute' end
    from generate_series(1, 600) i;
    insert into ratings (id, movie_id) values (1001, 900), (1002, null);
    insert into ratings (id, movie_id, stars) values (1003, 901, -1), (1004, 901, -2), (1005, 902, 5)`)
}, 60_000)

afterAll(() => fixture?.close())

/** As readers would see it; entries without an owning row have no fields. */
function shown(key: string, text: string) {
  const { fields, counts } = decodeEntry(view.layout, text)!
  const numbers = Object.fromEntries(Object.entries(counts).map(([name, value]) => [name, value!]))
  return toJson(view, { key, fields: fields ?? {}, counts: numbers })
}

async function expected(): Promise<Record<string, unknown>[]> {
  return (await client.query<Record<string, unknown>>(expectedSql)).rows
}

async function ratings(): Promise<Row[]> {
  const columns = Object.entries(columnsOf(view, 'ratings'))
  const texts = columns.map(([name, type]) => `${typeOf(type).sql(`"${name}"`)} as "${name}"`)
  const { rows } = await client.query<Record<string, string | null>>(
    `select id::text, ${texts.join(', ')} from ratings order by id`,
  )
  return rows.map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name,
        value !== null && ['id', 'movie_id', 'stars', 'huge', 'delta'].includes(name)
          ? BigInt(value)
          : value,
      ]),
    ),
  )
}

test.each([
  [1_000, 100_000],
  [4, 100_000],
  [1_000, 7],
  [2, 1],
])('the truth in pages of %p keys and %p rows is what SQL says', async (keysMax, rowsMax) => {
  const truth = await expected()
  expect(truth.length).toBeGreaterThan(40)
  const found: unknown[] = []
  let after: string | undefined
  do {
    const page = await askTruth(client, view, rangeQuery(view, after, { keysMax, rowsMax }))
    for (const [key, text] of page.entries) found.push(shown(key, text))
    after = page.last
  } while (after !== undefined)
  expect(found).toEqual(truth)
})

test('the truth of given keys is what SQL says', async () => {
  const truth = await expected()
  const keys = truth.map(({ movieId }) => movieId as string)
  const { entries } = await askTruth(client, view, keysQuery(view, keys))
  expect([...entries].map(([key, text]) => shown(key, text))).toEqual(truth)
})

test('rows that come, change and go fold to what SQL says', async () => {
  const rows = await ratings()
  const batch = consolidator()
  const give = (...changes: readonly ReturnType<typeof insert>[]) => {
    for (const change of changes) {
      const folded = fold(view, change)
      if (folded.kind === 'unusable') throw new Error(folded.reason)
      batch.add(folded.contributions)
    }
  }
  const keyOf = (row: Row) => ({ id: row['id']! })
  // Each row comes as its neighbour has it, changes to its own, and the neighbours go again.
  for (const [at, row] of rows.entries()) {
    const other = rows[(at + 1) % rows.length]!
    give(insert('ratings', keyOf(row), other))
    give(update('ratings', keyOf(row), { before: other, after: row }))
  }
  for (const row of rows)
    give(insert('ratings', keyOf(row), row), remove('ratings', keyOf(row), row))
  const counts = new Map(batch.take().map(({ entry, add }) => [entry, add]))
  const found = (await expected()).map(({ movieId, title }) => {
    const key = movieId as string
    const numbers = Object.fromEntries(
      view.layout.counts.map((name) => [name, counts.get(key)?.[name] ?? 0n]),
    )
    const fields = title === null ? null : { title: title as string }
    return shown(key, encodeEntry(view.layout, key, { fields, counts: numbers }))
  })
  expect(found).toEqual(await expected())
  expect(counts.size).toBeGreaterThan(30)
})

test('an average of 17 digits, with those of its count, is what avg says, and of more not always', async () => {
  const { rows } = await client.query<{ few: number; fewer: number; more: number }>(`
    with sums as (select (((random() - 0.5) * 10::numeric ^ (random() * 18)::int)::bigint)::numeric as s,
        floor(1 + random() * 10 ^ (random() * 12))::numeric as n, (random() * 18)::int as digits
      from generate_series(1, 50000)),
    averages as (select round(s::numeric(60, 40) / n, digits) as once, round(s / n, digits) as twice,
        digits + length(n::text) + case when abs(s / n) < 1 then 0 else length(trunc(abs(s / n))::text) end as all
      from sums)
    select count(*) filter (where "all" <= 17)::int as few,
      count(*) filter (where "all" <= 17 and once <> twice)::int as fewer,
      count(*) filter (where once <> twice)::int as more from averages`)
  expect(rows[0]!.few).toBeGreaterThan(10_000)
  expect(rows[0]!.fewer).toBe(0)
  expect(rows[0]!.more).toBeGreaterThan(1_000)
})

test.each(['NaN', 'Infinity', '1.2345'])('a change that brings %s can not be added up', (paid) => {
  const row = {
    movie_id: 1n,
    stars: null,
    note: null,
    huge: null,
    delta: null,
    spam: null,
    at: null,
  }
  const changes = [
    insert('ratings', { id: 1n }, { ...row, paid }),
    update('ratings', { id: 1n }, { before: { ...row, paid }, after: { ...row, paid: '1.000' } }),
    update('ratings', { id: 1n }, { before: { ...row, paid: null }, after: { ...row, paid } }),
    remove('ratings', { id: 1n }, { ...row, paid }),
  ]
  for (const change of changes) {
    expect(fold(view, change)).toEqual({
      kind: 'unusable',
      reason: `${change.kind} of ratings has ${paid}, which view movies can't keep`,
    })
  }
})

describe('sums of many rows', () => {
  const whole = {
    small: smallint('small'),
    int: integer('int'),
    // Of type integer in Postgres.
    wide: bigint('wide'),
    big: bigint('big'),
    whole: numeric('whole'),
  }
  const added = [
    ...Object.entries(whole).map(([name, of]) => ({ name, of, scale: 0 })),
    { name: 'paid', of: numeric('paid'), scale: 2 },
  ]
  const sums = defineView({
    name: 'shops',
    key: { shop: 'integer' },
    aggregates: Object.fromEntries(
      added.flatMap(({ name, ...of }) => [
        [`${name}Sum`, sumOf('sales', { ...of, by: 'shop' })],
        [`${name}Average`, averageOf('sales', { ...of, by: 'shop', digits: 3 })],
      ]),
    ),
  })
  let truth: unknown[]

  beforeAll(async () => {
    await client.query(`
      create table sales (id integer primary key, shop integer, small smallint, int integer,
        wide integer, big bigint, whole numeric(18, 0), paid numeric(18, 2));
      insert into sales select i, case when i <= 500000 then 1 else 2 end, 32767, 2147483647,
        -2147483648, 12345678901234, -12345678901234, 123456789012.34
      from generate_series(1, 500003) i`)
    const asked = added.map(
      ({ name }) =>
        `sum(${name})::text as "${name}Sum", round(avg(${name}), 3)::text as "${name}Average"`,
    )
    const text = `select shop, ${asked.join(', ')} from sales group by shop order by shop`
    truth = (await client.query(text)).rows
  }, 60_000)

  const shownSums = ([key, text]: readonly [string, string]) => {
    const { counts } = decodeEntry(sums.layout, text)!
    const numbers = Object.fromEntries(Object.entries(counts).map(([name, n]) => [name, n!]))
    return toJson(sums, { key, fields: {}, counts: numbers })
  }

  test.each([
    ['a page', 1_000_000],
    ['a page that one key has more rows than', 1_000],
  ])('have all their digits in %s', async (_, rowsMax) => {
    const found: unknown[] = []
    let after: string | undefined
    do {
      const query = rangeQuery(sums, after, { keysMax: 10, rowsMax })
      const page = await askTruth(client, sums, query)
      found.push(...[...page.entries].map(shownSums))
      after = page.last
    } while (after !== undefined)
    expect(found).toEqual(truth)
  })

  test('have all their digits for given keys', async () => {
    const { entries } = await askTruth(client, sums, keysQuery(sums, ['1', '2']))
    expect([...entries].map(shownSums)).toEqual(truth)
    expect(truth[0]).toMatchObject({ intSum: '1073741823500000', wideSum: '-1073741824000000' })
  })
})

describe('a sum that no counter can be', () => {
  const payments = defineView({
    name: 'payments',
    key: { shop: 'integer' },
    aggregates: {
      paid: sumOf('payments', { by: 'shop', of: bigint('paid') }),
      price: averageOf('payments', { by: 'shop', of: numeric('price'), scale: 2, digits: 2 }),
      count: countOf('payments', { by: 'shop' }),
    },
  })

  beforeAll(async () => {
    await client.query(`
      create table payments (id integer primary key, shop integer, paid bigint, price numeric(18, 2));
      insert into payments values
        (1, 1, ${int64Max}, 1.50), (2, 1, ${int64Max}, 'NaN'), (3, 1, 2, 2.00),
        (4, 2, ${-int64Max}, 1.50), (5, 2, -1, 2.50), (6, 3, ${-int64Max}, 1), (7, 3, -2, 1)`)
  })

  test.each([
    ['a page', rangeQuery(payments, undefined, { keysMax: 10, rowsMax: 1_000 })],
    ['a page of one key', rangeQuery(payments, undefined, { keysMax: 10, rowsMax: 2 })],
    ['given keys', keysQuery(payments, ['1', '2', '3'])],
  ])('is told as it is by %s, and all else is put in', async (_, query) => {
    const { entries } = await askTruth(client, payments, query)
    const judged = (key: string) => {
      const found = absentText(payments.layout)
      return judge(payments, { key, truth: entries.get(key), found, unseen: undefined }, new Set())
    }
    expect(judged('1')).toMatchObject({
      kind: 'wrong',
      correction: { add: { priceCount: 3n, count: 3n } },
      beyond: [
        { field: 'paid', expected: String(int64Max * 2n + 2n), found: '0' },
        { field: 'priceSum', expected: 'NaN', found: '0' },
      ],
    })
    if (!entries.has('3')) return
    const fits = { paid: -int64Max - 1n, priceSum: 400n, priceCount: 2n, count: 2n }
    expect(judged('2')).toMatchObject({ kind: 'wrong', correction: { add: fits } })
    expect(judged('2')).not.toHaveProperty('beyond')
    expect(judged('3')).toMatchObject({
      correction: { add: { priceSum: 200n, count: 2n } },
      beyond: [{ field: 'paid', expected: String(-int64Max - 2n) }],
    })
  })
})
