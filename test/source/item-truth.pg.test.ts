import type { Client } from 'pg'
import type { ItemPage, Source } from '../../src/source/source.ts'
import {
  bigint,
  boolean,
  date,
  enumeration,
  numeric,
  timestamptz,
} from '../../src/types/declare.ts'
import { latestOf } from '../../src/view/aggregates/latest-of.ts'
import { minOf } from '../../src/view/aggregates/min-of.ts'
import { topOf } from '../../src/view/aggregates/top-of.ts'
import { eq } from '../../src/view/condition.ts'
import { defineView, from } from '../../src/view/define-view.ts'
import { itemOf } from '../../src/view/item.ts'
import { tallyOf } from '../../src/view/truth-items.ts'
import { sourceFixture, type SourceFixture } from './source-fixture.ts'

const by = 'user_id'
const view = defineView({
  name: 'listeners',
  key: { userId: 'bigint' },
  row: from('users', { key: 'user_id', fields: {} }),
  aggregates: {
    artists: topOf('plays', { by, item: bigint('artist'), most: 3, where: [eq('ok', 'yes')] }),
    genres: topOf('plays', {
      ...{ by, most: 3 },
      item: { genre: 'genre', live: boolean('live'), mood: enumeration('mood'), day: date('day') },
    }),
    recent: latestOf('plays', {
      ...{ by, key: ['part', bigint('id')], order: timestamptz('at'), most: 3 },
      fields: { genre: 'genre' },
    }),
    cheapest: minOf('plays', { by, key: ['part', bigint('id')], of: numeric('paid'), scale: 3 }),
  },
})
const texts: Readonly<Record<string, string>> = {
  artists: `artist::text`,
  genres: `genre, live::text, mood::text, to_char(day, 'YYYY-MM-DD')`,
  recent: `to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), part, id::text, genre`,
  cheapest: `paid::text, part, id::text`,
}
const needed: Readonly<Record<string, string>> = {
  artists: `artist is not null and ok = 'yes'`,
  genres: 'genre is not null and live is not null and mood is not null and day is not null',
  recent: 'at is not null',
  cheapest: 'paid is not null',
}

let fixture: SourceFixture
let admin: Client
let source: Source

beforeAll(async () => {
  fixture = await sourceFixture()
  admin = fixture.admin
  source = fixture.open()
  await admin.query(`
    create type mood as enum ('sad', 'glad', 'ok');
    create table plays (part text, id bigint, user_id bigint, artist bigint, genre text,
      live boolean, mood mood, day date, paid numeric(8, 2), at timestamptz, ok text,
      primary key (part, id));
    create index on plays (user_id);
    grant select on plays to millrace;
    select setseed(0.7);
    insert into plays select (array['a', 'a"', 'a!', 'ö'])[1 + i % 4], i, 1 + i % 2,
      nullif((random() * 50)::int, 3), (array['x:y', 'x', 'X', null])[1 + (random() * 3)::int],
      (array[true, false, null])[1 + (random() * 2)::int],
      (array['sad', 'glad', 'ok', null])[1 + (random() * 3)::int]::mood,
      date '2026-01-01' + (random() * 2)::int, ((random() - 0.5) * 100)::numeric(8, 2),
      case when random() < 0.9 then timestamptz '2026-01-01Z' + (random() * 9)::int * interval '1 s' end,
      (array['yes', 'no'])[1 + (random() * 1.2)::int]
    from generate_series(1, 400) i`)
}, 60_000)

afterAll(() => fixture?.close())

/** The items of user 1 as SQL counts them, written apart. */
async function expected(tally: string): Promise<ReadonlyMap<string, bigint>> {
  const { rows } = await admin.query<unknown[]>({
    text: `select count(*), ${texts[tally]} from plays where user_id = 1 and ${needed[tally]}
      group by ${texts[tally]}`,
    rowMode: 'array',
  })
  const { item } = tallyOf(view, tally)
  return new Map(
    rows.map(([count, ...parts]) => [
      itemOf(item, parts as string[]) as string,
      BigInt(count as string),
    ]),
  )
}

const ask = (page: ItemPage) => source.itemTruth(view, page, 'items')

describe.each(Object.keys(texts))('%s', (tally) => {
  test.each([1_000, 7])('come in pages of %p, each item once', async (itemsMax) => {
    const truth = await expected(tally)
    const found = new Map<string, bigint>()
    let [after, rows] = [undefined as string | undefined, 0]
    do {
      const page = await ask({ entry: '1', tally, kind: 'range', after, itemsMax })
      expect(page.amounts.size).toBeLessThanOrEqual(itemsMax)
      for (const [item, amount] of page.amounts) {
        expect(found.has(item)).toBe(false)
        found.set(item, amount)
      }
      after = page.last
      rows += page.rows
    } while (after !== undefined)
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(truth))
    expect(truth.size).toBeGreaterThan(20)
    expect(BigInt(rows)).toBe([...truth.values()].reduce((sum, amount) => sum + amount, 0n))
  })

  test('are told where they are given, and of others nothing', async () => {
    const truth = await expected(tally)
    const some = [...truth.keys()].slice(3, 9)
    const never = [
      '',
      'x',
      '01',
      '99',
      '9'.repeat(30),
      'a:b:c:d',
      'x\\:y:yes:ok:2026-01-01',
      '\ud800',
    ]
    const rows = [
      '[]',
      '["0","a","1",null]',
      some[0]!.replace('a', 'b'),
      some[0]!.replace(/\d(?=")/, '#'),
      `${some[0]} `,
      '["0000000000000000000","a\\u0000","09223372036854775809",null]',
      '["0000000000000000000","a","99999999999999999999",null]',
    ]
    const items = [...some, ...never, ...rows]
    const page = await ask({ entry: '1', tally, kind: 'items', items })
    const wanted = [...truth].filter(([item]) => items.includes(item))
    expect(Object.fromEntries(page.amounts)).toEqual(Object.fromEntries(wanted))
    expect(page.last).toBeUndefined()
    const none = await ask({ entry: '1', tally, kind: 'items', items: [] })
    expect(none.amounts.size).toBe(0)
  })

  test('of an entry that the source has not are none', async () => {
    for (const entry of ['77', 'x', '01', '']) {
      const page = await ask({ entry, tally, kind: 'range', after: undefined, itemsMax: 5 })
      expect(page).toMatchObject({ amounts: new Map(), rows: 0, last: undefined })
    }
  })
})

test('the moment, the marker and the horizon are those of the same answer', async () => {
  const page = {
    entry: '1',
    tally: 'artists',
    kind: 'range',
    after: undefined,
    itemsMax: 5,
  } as const
  await admin.query('begin')
  await admin.query(`update plays set artist = 1 where id = 1`)
  const before = await source.moment(view)
  const truth = await ask(page)
  await admin.query('rollback')
  expect(truth.setup).toBe(before.setup)
  expect(truth.markerLsn).toBeGreaterThanOrEqual(before.lsn)
  expect(truth.horizon).toBeLessThanOrEqual(truth.snapshot.xmax)
  expect(truth.history).toBe(before.history)
})

test('a tally that the view has not, and an item that is none to go on from, are bugs', async () => {
  const page = { entry: '1', kind: 'range', after: undefined, itemsMax: 5 } as const
  await expect(ask({ ...page, tally: 'x' })).rejects.toThrow('listeners has no tally x')
  await expect(ask({ ...page, tally: 'recent', after: 'x' })).rejects.toThrow('is no item of')
})
