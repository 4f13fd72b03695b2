import { Client } from 'pg'
import { canonicalTimestamp } from '../../src/decode/timestamp.ts'
import { bigint, countOf, defineView, from, timestamptz } from '../../src/view/define-view.ts'
import { toJson } from '../../src/view/json.ts'
import { truthQuery } from '../../src/view/truth-query.ts'
import { userInformation } from '../../src/views/user-information.ts'
import { postgresServer, type TestServer } from '../support/chain.ts'

let server: TestServer
let client: Client

beforeAll(async () => {
  server = await postgresServer()
  client = new Client(server.chain.urls.source)
  await client.connect()
}, 60_000)

afterAll(async () => {
  await client?.end()
  await server?.stop()
})

const query = (text: string, values: unknown[] = []) =>
  client.query<Record<string, unknown>>(text, values)

/** Moments as SQL writes them, with the canonical form that Debezium's text comes to. */
const moments: readonly (readonly [string, string])[] = [
  ['2026-11-21 12:18:00.123456+02', '2026-11-21T10:18:00.123456Z'],
  ['1970-01-01 00:00:00+00', '1970-01-01T00:00:00.000000Z'],
  ['0050-01-01 00:00:00+00', '0050-01-01T00:00:00.000000Z'],
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

describe('the truth about user-information', () => {
  const { all, byKeys, toEntry } = truthQuery(userInformation)

  beforeAll(async () => {
    await query(`set timezone to 'America/New_York'`)
    for (const [at, [moment]] of moments.entries()) {
      await query('insert into users (user_id, username, joined_date) values ($1, $2, $3)', [
        at,
        `user ${at}`,
        moment,
      ])
    }
    await query(
      `insert into users (user_id, username, name) values (9007199254740993, 'ada', 'A "quoted" \\ name'), (-5, '', null)`,
    )
    await query(
      `insert into tweets (tweet_id, user_id) select i, i % 3 from generate_series(1, 10) i`,
    )
    await query(
      `insert into follows (follower_id, followee_id) values (1, 2), (1, 3), (3, 1), (9007199254740993, 1)`,
    )
    await query(`insert into likes (user_id, tweet_id) values (1, 1), (1, 2), (2, 1)`)
  })

  test('has timestamps in the form that the decoder gives, in any time zone', async () => {
    const { rows } = await query(byKeys, [[...moments.keys()]])
    const found = rows
      .map((row) => toEntry(row))
      .map(({ key, fields }) => [key, fields['joinedDate']])
    expect(found).toEqual(moments.map(([, canonical], at) => [String(at), canonical]))
    for (const [, canonical] of moments) expect(canonicalTimestamp(canonical)).toBe(canonical)
  })

  test('counts what belongs to each user', async () => {
    const { rows } = await query(byKeys, [['1', '3', '9007199254740993', '404']])
    const shown = rows.map((row) => toJson(userInformation, toEntry(row)))
    expect(shown).toMatchObject([
      { userId: '1', tweetCount: 4, followingCount: 2, followerCount: 2, likeCount: 2 },
      { userId: '3', tweetCount: 0, followingCount: 1, followerCount: 1, likeCount: 0 },
      {
        userId: '9007199254740993',
        name: 'A "quoted" \\ name',
        description: null,
        followingCount: 1,
      },
    ])
  })

  test('comes whole in the order of its keys, the same as key by key', async () => {
    const whole = await query(all)
    const keys = whole.rows.map((row) => BigInt(toEntry(row).key))
    expect(keys).toHaveLength(moments.length + 2)
    expect(keys).toEqual(keys.toSorted((a, b) => (a < b ? -1 : 1)))
    const { rows } = await query(byKeys, [keys.map(String)])
    expect(rows).toEqual(whole.rows)
    expect(
      Object.values(rows[0]!).every((value) => value === null || typeof value === 'string'),
    ).toBe(true)
  })
})

test('the truth about a view with a text key, by tables without any foreign key', async () => {
  const places = defineView({
    name: 'place-information',
    key: { placeName: 'text' },
    row: from('odd places', {
      key: 'Name',
      fields: { ownerId: bigint('owner_id'), openedAt: timestamptz('opened at') },
    }),
    counts: { visitCount: countOf('visits', { by: 'place' }) },
  })
  await query(
    `create temp table "odd places" ("Name" text primary key, owner_id int, "opened at" timestamptz)`,
  )
  await query(`create temp table visits (place text)`)
  await query(
    `insert into "odd places" values ('b', 1, null), ('B', 2, '2026-01-01 00:00:00+00'), ('ä', null, null)`,
  )
  await query(`insert into visits values ('b'), ('b'), ('nowhere'), (null)`)
  const { all, byKeys, toEntry } = truthQuery(places, 'pg_temp')
  const expected = [
    {
      key: 'B',
      fields: { ownerId: '2', openedAt: '2026-01-01T00:00:00.000000Z' },
      counts: { visitCount: 0n },
    },
    { key: 'b', fields: { ownerId: '1', openedAt: null }, counts: { visitCount: 2n } },
    { key: 'ä', fields: { ownerId: null, openedAt: null }, counts: { visitCount: 0n } },
  ]
  expect((await query(all)).rows.map((row) => toEntry(row))).toEqual(expected)
  const one = await query(byKeys, [['b', 'nowhere']])
  expect(one.rows.map((row) => toEntry(row))).toEqual([expected[1]])
})
