import type { Client } from 'pg'
import { canonicalTimestamp } from '../../src/types/timestamps.ts'
import { absentText, encodeEntry } from '../../src/store/entry-text.ts'
import { bigint, timestamptz } from '../../src/types/declare.ts'
import { typeOf } from '../../src/types/types.ts'
import { countOf, defineView, from } from '../../src/view/define-view.ts'
import { compareKeys } from '../../src/view/truth-keys.ts'
import type { TruthPage } from '../../src/view/truth-page.ts'
import {
  keysQuery,
  rangeQuery,
  settledQuery,
  type PageLimits,
  type TruthQuery,
} from '../../src/view/truth-query.ts'
import type { View } from '../../src/view/view.ts'
import { userInformation } from '../../examples/social/user-information.ts'
import { sourceFixture, type SourceFixture } from '../source/source-fixture.ts'
import { askTruth } from '../support/ask-truth.ts'

let fixture: SourceFixture
let client: Client

beforeAll(async () => {
  fixture = await sourceFixture()
  client = fixture.admin
  // The application's own constraints would not let a row belong to a user who is not there.
  await client.query(`
    alter table tweets drop constraint tweets_user_id_fkey;
    alter table follows drop constraint follows_follower_id_fkey,
      drop constraint follows_followee_id_fkey;
    alter table likes drop constraint likes_user_id_fkey, drop constraint likes_tweet_id_fkey;
    set timezone to 'America/New_York'; set datestyle to 'SQL, DMY'`)
}, 60_000)

afterAll(() => fixture?.close())

async function rowsOf<R extends object>(text: string, values: unknown[] = []): Promise<R[]> {
  return (await client.query<R>(text, values)).rows
}

async function ask(view: View, query: TruthQuery): Promise<TruthPage> {
  return askTruth(client, view, query)
}

const whole: PageLimits = { keysMax: 100_000, rowsMax: 1_000_000 }

/** Every page of a walk, in its order. */
async function walk(view: View, limits: PageLimits): Promise<TruthPage[]> {
  const pages: TruthPage[] = []
  let after: string | undefined
  do {
    const page = await ask(view, rangeQuery(view, after, limits))
    pages.push(page)
    after = page.last
  } while (after !== undefined)
  return pages
}

function together(pages: readonly TruthPage[]): [string, string][] {
  return pages.flatMap(({ entries }) => [...entries])
}

const int64Max = 2n ** 63n - 1n
const int64Min = -(2n ** 63n)

/** Values that a text can be mistaken in: separators of the entry's form, and bytes beyond ASCII. */
const texts = [
  null,
  '',
  'Ada',
  '-',
  ';',
  '3:abc;4',
  `it's "quoted" \\ back\\\\slashed`,
  'two\nlines\tand\ra tab',
  'é',
  'e\u0301',
  '漢字',
  '😀',
  '\ufeffwith a byte order mark',
  '\uffff',
  '{curly,braces}',
  'long '.repeat(20_000),
  '€'.repeat(9_000),
]

const moments = [
  null,
  '2026-11-21 12:18:00.123456+02',
  '1970-01-01 00:00:00+00',
  '1969-12-31 23:59:59.999999+00',
  '0050-01-01 00:00:00.1+00',
  '0001-01-01 00:00:00+00',
  '0001-12-31 23:59:59.999999+00 BC',
  '0002-06-01 00:00:00+00 BC',
  '4713-01-01 00:00:00+00 BC',
  '9999-12-31 23:59:59.999999+00',
  '10000-01-01 00:00:00+00',
  '294276-12-31 23:59:59.999999+00',
  'infinity',
  '-infinity',
]

/** From Lehmer's generator, so that a run can be repeated. */
function seeded(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 48_271) % 2_147_483_647
    return state % below
  }
}

describe('the truth about user-information', () => {
  const ids = [
    int64Min,
    int64Min + 1n,
    -1_000_000_000_000n,
    -5n,
    -1n,
    0n,
    ...Array.from({ length: 60 }, (_, i) => BigInt(i + 1)),
    9_007_199_254_740_992n,
    9_007_199_254_740_993n,
    int64Max - 1n,
    int64Max,
  ]

  beforeAll(async () => {
    const random = seeded(20_261_121)
    const pick = <T>(values: readonly T[]): T => values[random(values.length)]!
    for (const id of ids) {
      // A third of the keys has no owning row.
      if (random(3) === 0) continue
      const row = [pick(texts.slice(1)), ...Array.from({ length: 6 }, () => pick(texts))]
      await client.query(
        `insert into users (user_id, username, name, description, location, web_page_url,
           profile_image_url, background_image_url, joined_date)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
        [id, ...row, pick(moments.slice(1))],
      )
    }
    for (let i = 0; i < 900; i++) {
      // Some have many rows, some have none.
      const id = ids[Math.min(random(ids.length), random(ids.length))]!
      await client.query('insert into tweets (tweet_id, user_id) values ($1, $2)', [i, id])
      const pair = [id, pick(ids)]
      await client.query('insert into follows values ($1, $2) on conflict do nothing', pair)
      if (i % 3 === 0) await client.query('insert into likes values ($1, $2)', [pick(ids), i])
    }
  })

  /** Written by hand, key by key, and encoded by what encodes a store's entries. */
  async function expected(): Promise<[string, string][]> {
    const rows = await rowsOf<Record<string, string | null>>(`
      select key::text, u.user_id::text as user_id, u.username, u.name, u.description, u.location,
        u.web_page_url as "webPageUrl", u.profile_image_url as "profileImageUrl",
        u.background_image_url as "backgroundImageUrl", ${oldTimestamptz('u.joined_date')} as "joinedDate",
        (select count(*) from tweets t where t.user_id = key)::text as "tweetCount",
        (select count(*) from follows f where f.follower_id = key)::text as "followingCount",
        (select count(*) from follows f where f.followee_id = key)::text as "followerCount",
        (select count(*) from likes l where l.user_id = key)::text as "likeCount"
      from (select user_id from users union select user_id from tweets
            union select follower_id from follows union select followee_id from follows
            union select user_id from likes) keys(key)
        left join users u on u.user_id = key
      order by keys.key`)
    const { layout } = userInformation
    return rows.map(({ key, user_id: owner, ...row }) => {
      const counts = Object.fromEntries(layout.counts.map((name) => [name, BigInt(row[name]!)]))
      return [key!, encodeEntry(layout, key!, { fields: owner === null ? null : row, counts })]
    })
  }

  test('of the whole range is what SQL says key by key, also of keys without an owning row', async () => {
    const page = await ask(userInformation, rangeQuery(userInformation, undefined, whole))
    const truth = await expected()
    expect(page.last).toBeUndefined()
    expect([...page.entries]).toEqual(truth)
    const kinds = new Set(truth.map(([, text]) => text[0]))
    expect(kinds).toEqual(new Set(['+', '-']))
    const [{ rows }] = (await rowsOf<{ rows: string }>(`select (select count(*) from users)
      + (select count(*) from tweets) + 2 * (select count(*) from follows)
      + (select count(*) from likes) as rows`)) as [{ rows: string }]
    expect(page.rows).toBe(Number(rows))
  })

  test.each([
    [1, 1_000_000],
    [7, 1_000_000],
    [20, 1_000_000],
    [1_000, 1],
    [1_000, 2],
    [1_000, 17],
    [3, 40],
    [5, 5],
  ])(
    'in pages of %p keys and %p rows is the same, in order',
    async (keysMax, rowsMax) => {
      const pages = await walk(userInformation, { keysMax, rowsMax })
      expect(together(pages)).toEqual(await expected())
      expect(pages.length).toBeGreaterThan(1)
      for (const { entries, last } of pages) {
        if (last !== undefined) expect([...entries.keys()].at(-1)).toBe(last)
      }
    },
    30_000,
  )

  test('of given keys is the same, and garbage among them is not there', async () => {
    const truth = new Map(await expected())
    const garbage = [
      '',
      '01',
      '-0',
      '+1',
      ' 1',
      '1 ',
      'abc',
      '1.0',
      '1e3',
      '9223372036854775808',
      '-9223372036854775809',
      '99999999999999999999999',
      `1'; drop table users; --`,
      '\0',
      '{1}',
    ]
    const keys = [...ids.map(String), '4040404', ...garbage]
    const page = await ask(userInformation, keysQuery(userInformation, keys))
    expect(new Map(page.entries)).toEqual(truth)
    expect(page.last).toBeUndefined()
    const few = await ask(userInformation, keysQuery(userInformation, ['7', '7', '3', '-5']))
    expect([...few.entries.keys()]).toEqual(['-5', '3', '7'].filter((key) => truth.has(key)))
    for (const [key, text] of few.entries) expect(text).toBe(truth.get(key))
    for (const none of [[], garbage, ['4040404']]) {
      const nothing = await ask(userInformation, keysQuery(userInformation, none))
      expect(nothing).toEqual({ entries: new Map(), rows: 0, last: undefined })
    }
  })

  test('begins behind any key, also one that is not there', async () => {
    const truth = await expected()
    for (const after of [int64Min, -2n, 0n, 33n, int64Max - 1n, int64Max]) {
      const { entries } = await ask(
        userInformation,
        rangeQuery(userInformation, String(after), whole),
      )
      expect([...entries]).toEqual(truth.filter(([key]) => BigInt(key) > after))
    }
    expect(() => rangeQuery(userInformation, '01', whole)).toThrow(/no key/)
  })
})

describe('a timestamptz', () => {
  test('has the form that the decoder gives, in any time zone', async () => {
    const forms: [string, string][] = [
      ['2026-11-21 12:18:00.123456+02', '2026-11-21T10:18:00.123456Z'],
      ['0050-01-01 00:00:00+00', '0050-01-01T00:00:00.000000Z'],
      ['0001-01-01 00:00:00+00', '0001-01-01T00:00:00.000000Z'],
      ['0001-12-31 23:59:59.999999+00 BC', '0000-12-31T23:59:59.999999Z'],
      ['0001-06-01 00:00:00.5+00 BC', '0000-06-01T00:00:00.500000Z'],
      ['0002-06-01 00:00:00+00 BC', '-0001-06-01T00:00:00.000000Z'],
      ['0044-03-15 12:00:00+00 BC', '-0043-03-15T12:00:00.000000Z'],
      ['9999-12-31 23:59:59.999999+00', '9999-12-31T23:59:59.999999Z'],
      ['10000-01-01 00:00:00+00', '+10000-01-01T00:00:00.000000Z'],
      ['294276-12-31 23:59:59.999999+00', '+294276-12-31T23:59:59.999999Z'],
      ['4713-01-01 00:00:00+00 BC', '-4712-01-01T00:00:00.000000Z'],
      ['infinity', 'infinity'],
      ['-infinity', '-infinity'],
    ]
    for (const [moment, canonical] of forms) {
      const [row] = await rowsOf<{ text: string }>(
        `select ${typeOf('timestamptz').sql('at')} as text from (select $1::timestamptz as at) t`,
        [moment],
      )
      expect(row!.text).toBe(canonical)
      expect(canonicalTimestamp(canonical)).toBe(canonical)
    }
  })

  test('is the same as by its year alone, wherever it lies', async () => {
    const [row] = await rowsOf(`select count(*) from (
        select '4713-01-01 00:00:00+00 BC'::timestamptz + i * interval '29 days 7:11:13.170411' as at
        from generate_series(0, 200000) i
        union all select ('0001-01-01 00:00:00+00'::timestamptz + i * interval '1 microsecond')
        from generate_series(-1000, 1000) i
        union all select ('10000-01-01 00:00:00+00'::timestamptz + i * interval '1 microsecond')
        from generate_series(-1000, 1000) i) moments
      where ${typeOf('timestamptz').sql('at')} is distinct from ${oldTimestamptz('at')}`)
    expect(row).toEqual({ count: '0' })
  }, 30_000)
})

/** The canonical text in one expression that knows no shorter way. */
function oldTimestamptz(at: string): string {
  const utc = `(${at} at time zone 'UTC')`
  const year = `extract(year from ${utc})::int`
  return `case when not isfinite(${at}) then case when ${at} > now() then '' else '-' end || 'infinity'
    else case when ${year} > 9999 then '+' when ${year} < -1 then '-' else '' end
      || case when ${year} > 0 then lpad(${year}::text, greatest(4, length(${year}::text)), '0')
           else lpad((-1 - ${year})::text, 4, '0') end
      || to_char(${utc}, '-MM-DD') || 'T' || to_char(${utc}, 'HH24:MI:SS.US') || 'Z' end`
}

describe('the truth about a view with a text key', () => {
  const view = defineView({
    name: 'place-information',
    key: { placeName: 'text' },
    row: from('odd places', {
      key: 'Name',
      fields: { ownerId: bigint('owner_id'), openedAt: timestamptz('opened at') },
    }),
    aggregates: { visitCount: countOf('visits', { by: 'place' }) },
  })
  const names = [
    '',
    'B',
    'a',
    'b',
    'c,d',
    `it's`,
    'back\\slash',
    '{}',
    '"',
    'zz',
    'ä',
    'é',
    'e\u0301',
    '\ufeff',
    '\uffff',
    '😀',
    '😁',
    'x'.repeat(2_000),
  ]
  const visited = ['b', 'b', 'nowhere', 'ä', '😀', '😀', '😀', '', 'another', '\ufffd']

  beforeAll(async () => {
    await client.query(`create collation english (provider = icu, locale = 'en-US')`)
    await client.query(`create table "odd places"
      ("Name" text collate english primary key, owner_id int, "opened at" timestamptz)`)
    await client.query(`create table visits (place varchar)`)
    for (const [i, name] of names.entries()) {
      await client.query('insert into "odd places" values ($1, $2, $3)', [
        name,
        i || null,
        moments[i % moments.length],
      ])
    }
    for (const place of [...visited, null])
      await client.query('insert into visits values ($1)', [place])
  })

  async function expected(): Promise<[string, string][]> {
    const rows = await rowsOf<{
      name: string
      there: boolean
      owner: string | null
      opened: string | null
      visits: string
    }>(
      `select name, p."Name" is not null as there, owner_id::text as owner,
         ${oldTimestamptz('"opened at"')} as opened,
         (select count(*) from visits where place = name collate "C") as visits
       from (select "Name" collate "C" from "odd places" union select place collate "C" from visits) n(name)
         left join "odd places" p on p."Name" = name collate "C" where name is not null`,
    )
    const entries = rows.map(({ name, there, owner, opened, visits }): [string, string] => {
      const fields = there ? { ownerId: owner, openedAt: opened } : null
      return [
        name,
        encodeEntry(view.layout, name, { fields, counts: { visitCount: BigInt(visits) } }),
      ]
    })
    return entries.toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  }

  test.each([
    [100, 100],
    [1, 100],
    [4, 3],
    [100, 1],
  ])(
    'comes in the order of its bytes, in pages of %p keys and %p rows',
    async (keysMax, rowsMax) => {
      const truth = await expected()
      expect(together(await walk(view, { keysMax, rowsMax }))).toEqual(truth)
      expect(truth).toHaveLength(names.length + 3)
    },
  )

  test('of given keys is the same; what is no text in UTF-8 is not there', async () => {
    const garbage = ['no such place', 'B\0', '\ud800', 'B ']
    const page = await ask(view, keysQuery(view, [...names, ...visited, ...garbage]))
    expect([...page.entries]).toEqual(await expected())
    // Encoded, a lone surrogate becomes the very text that somebody visited.
    const surrogate = await ask(view, keysQuery(view, ['\ud800']))
    expect(surrogate.entries).toEqual(new Map())
  })
})

test('a view of nothing but its rows, and one of nothing but counts, have their texts', async () => {
  await client.query('create table plain (id int primary key); insert into plain values (1)')
  const plain = defineView({
    name: 'plain',
    key: { id: 'bigint' },
    row: from('plain', { key: 'id', fields: {} }),
  })
  const { entries } = await ask(plain, rangeQuery(plain, undefined, whole))
  expect([...entries]).toEqual([['1', encodeEntry(plain.layout, '1', { fields: {}, counts: {} })]])
  const counted = defineView({
    name: 'counted',
    key: { id: 'bigint' },
    row: from('plain', { key: 'id', fields: {} }),
    aggregates: {
      a: countOf('visits_by_id', { by: 'id' }),
      b: countOf('visits_by_id', { by: 'also' }),
    },
  })
  await client.query(
    'create table visits_by_id (id smallint, also int); insert into visits_by_id values (2, 3), (2, null)',
  )
  const found = await ask(counted, rangeQuery(counted, undefined, whole))
  expect([...found.entries]).toEqual([
    ['1', '+1:1;0;0'],
    ['2', '-;2;0'],
    ['3', '-;0;1'],
  ])
  expect(absentText(counted.layout)).toBe('-;0;0')
})

describe('a key whose row was written before a transaction', () => {
  test('is told by the age of its version', async () => {
    await client.query('create table aged (id bigint primary key, name text)')
    await client.query(`insert into aged select i, 'x' from generate_series(1, 6) i`)
    await client.query('vacuum freeze aged')
    const aged = defineView({
      name: 'aged',
      key: { id: 'bigint' },
      row: from('aged', { key: 'id', fields: {} }),
    })
    const [{ since }] = (await rowsOf<{ since: string }>(
      'select pg_current_xact_id()::text as since',
    )) as [{ since: string }]
    await client.query(`update aged set name = 'y' where id = 2`)
    await client.query('delete from aged where id = 3')
    await client.query('begin; savepoint a; insert into aged values (7); release a; commit')
    await client.query('insert into aged values (8); delete from aged where id = 8')
    const keys = ['1', '2', '3', '4', '7', '8', '9', '01', 'garbage', '\0']
    const settled = async (id: bigint) =>
      (await rowsOf<{ id: string }>(settledQuery(aged, keys, id)))
        .map(({ id: key }) => key)
        .toSorted()
    expect(await settled(BigInt(since))).toEqual(['1', '4'])
    // Frozen once more, a row keeps the transaction that wrote it.
    await client.query('vacuum freeze aged')
    expect(await settled(BigInt(since))).toEqual(['1', '4'])
    expect(await settled(BigInt(since) + 1n)).toEqual(['1', '4'])
    expect(await settled(BigInt(since) + 2n)).toEqual(['1', '2', '4'])
    // Of another history, or too long ago to be told from the future by 32 bits.
    expect(await settled(BigInt(since) + 1_000_000n)).toEqual([])
    expect(await settled(BigInt(since) - 2n ** 31n)).toEqual([])
    expect(await settled(BigInt(since) + 2n ** 32n)).toEqual([])
  })
})

test('keys are compared as SQL orders them', async () => {
  const numbers = [
    '-9223372036854775808',
    '-10',
    '-9',
    '-1',
    '0',
    '9',
    '10',
    '99',
    '100',
    '9223372036854775807',
  ]
  const words = ['', 'B', 'a', 'aa', 'ä', '\uffff', '😀']
  for (const [type, keys] of [
    ['bigint', numbers],
    ['text', words],
  ] as const) {
    for (const [i, a] of keys.entries()) {
      for (const [j, b] of keys.entries())
        expect(Math.sign(compareKeys([{ type }], a, b))).toBe(Math.sign(i - j))
    }
  }
})
