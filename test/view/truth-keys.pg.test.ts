/** Keys of every type and of several parts: their text, their order and their pages, against SQL. */
import * as fc from 'fast-check'
import type { Client } from 'pg'
import { spellKey, spellSql } from '../../src/entry-key.ts'
import { encodeEntry } from '../../src/store/entry-text.ts'
import { typeOf, type KeyType } from '../../src/types/types.ts'
import { countOf, defineView, from } from '../../src/view/define-view.ts'
import { identifier, tableName } from '../../src/view/sql-text.ts'
import { compareKeys, ordered } from '../../src/view/truth-keys.ts'
import { keysQuery, rangeQuery, settledQuery, type PageLimits } from '../../src/view/truth-query.ts'
import type { View } from '../../src/view/view.ts'
import { sourceFixture, type SourceFixture } from '../source/source-fixture.ts'
import { askTruth } from '../support/ask-truth.ts'

let fixture: SourceFixture
let client: Client

beforeAll(async () => {
  fixture = await sourceFixture()
  client = fixture.admin
  await client.query(`create schema "Shop.1"; create type size as enum ('small', 'b:ig', 'X\\', '');
    set timezone to 'America/New_York'; set datestyle to 'SQL, DMY'`)
}, 60_000)

afterAll(() => fixture?.close())

/** Values as Postgres reads them. */
const pools: Readonly<Record<KeyType, readonly string[]>> = {
  bigint: ['-9223372036854775808', '-10', '-9', '0', '9', '10', '9223372036854775807'],
  integer: ['-2147483648', '-1', '0', '9', '10', '2147483647'],
  smallint: ['-32768', '-2', '-1', '0', '3', '32767'],
  text: ['', ' ', 'B', 'a', 'a:b', ':', '\\', '\\:', 'a\\', 'ä', '\uffff', '😀', 'null', '"'],
  uuid: [
    '00000000-0000-0000-0000-000000000000',
    '10000000-0000-0000-0000-000000000000',
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
  ],
  enum: ['small', 'b:ig', 'X\\', ''],
  date: [
    '-infinity', '4714-11-24 BC', '0044-03-15 BC', '0001-12-31 BC', '0001-01-01', '1969-12-31',
    '2026-11-21', '9999-12-31', '10000-01-01', '5874897-12-31', 'infinity',
  ], // prettier-ignore
}

const columnTypes: Readonly<Record<KeyType, string>> = {
  bigint: 'bigint',
  integer: 'integer',
  smallint: 'smallint',
  text: 'varchar',
  uuid: 'uuid',
  enum: 'size',
  date: 'date',
}

const shapes: readonly (readonly KeyType[])[] = [
  ['bigint'],
  ['integer'],
  ['smallint'],
  ['text'],
  ['uuid'],
  ['enum'],
  ['date'],
  ['text', 'integer'],
  ['text', 'text'],
  ['enum', 'bigint'],
  ['text', 'enum', 'smallint'],
  ['date', 'uuid', 'text'],
]

let count = 0

function viewOf(types: readonly KeyType[]): View {
  count += 1
  const columns = types.map((_, at) => `part "${at}"`)
  return defineView({
    name: 'orders',
    key: Object.fromEntries(types.map((type, at) => [`part${at}`, type])),
    row: from(`"Shop.1"."Owners ${count}"`, { key: columns, fields: { note: 'a note' } }),
    aggregates: { lines: countOf(`"Shop.1".lines${count}`, { by: columns.toReversed() }) },
  })
}

/** Tables of the view, with every key that the pools give, or some of them, and rows of none. */
async function fill(view: View): Promise<void> {
  const { row, counts, key } = view
  const [lines] = counts
  const columns = row!.key.map((column, at) => ({
    owner: column,
    counted: lines!.by[at]!,
    type: columnTypes[key[at]!.type as KeyType],
  }))
  const list = (names: readonly string[]) => names.map(identifier).join(', ')
  await client.query(
    `create table ${tableName(row!.table)} (
       ${columns.map(({ owner, type }) => `${identifier(owner)} ${type}`).join(', ')},
       "a note" text, primary key (${list(row!.key)}));
     create table ${tableName(lines!.table)} (
       ${columns.map(({ counted, type }) => `${identifier(counted)} ${type}`).join(', ')})`,
  )
  const keys = productOf(key.map(({ type }) => pools[type as KeyType]))
  for (const [at, parts] of keys.entries()) {
    const values = parts.map((_, place) => `$${place + 1}`).join(', ')
    if (at % 3 !== 0) {
      await client.query(`insert into ${tableName(row!.table)} values (${values}, 'x')`, [...parts])
    }
    for (let times = at % 4; times > 0; times -= 1) {
      await client.query(
        `insert into ${tableName(lines!.table)} (${list(lines!.by)}) values (${values})`,
        [...parts],
      )
    }
    // A part that is null is no entry, whatever the others are.
    const holed = parts.map((part, place) => (place === at % parts.length ? null : part))
    await client.query(
      `insert into ${tableName(lines!.table)} (${list(lines!.by)}) values (${values})`,
      holed,
    )
  }
}

function productOf(lists: readonly (readonly string[])[]): string[][] {
  return lists.reduce<string[][]>(
    (all, list) => all.flatMap((parts) => list.map((part) => [...parts, part])),
    [[]],
  )
}

async function walk(view: View, limits: PageLimits): Promise<[string, string][]> {
  const found: [string, string][] = []
  let after: string | undefined
  do {
    const page = await askTruth(client, view, rangeQuery(view, after, limits))
    found.push(...page.entries)
    after = page.last
  } while (after !== undefined)
  return found
}

/** The entries, put together in JavaScript from plain rows. */
async function expected(view: View): Promise<[string, string][]> {
  const read = async (table: string, columns: readonly string[]) => {
    const texts = columns.map((column, at) => typeOf(view.key[at]!.type).sql(identifier(column)))
    const { rows } = await client.query<(string | null)[]>({
      text: `select ${texts.join(', ')} from ${tableName(table)}`,
      rowMode: 'array',
    })
    return rows.flatMap((parts) => spellKey(parts) ?? [])
  }
  const owners = new Set(await read(view.row!.table, view.row!.key))
  const amounts = new Map<string, bigint>()
  for (const key of await read(view.counts[0]!.table, view.counts[0]!.by)) {
    amounts.set(key, (amounts.get(key) ?? 0n) + 1n)
  }
  return [...new Set([...owners, ...amounts.keys()])]
    .toSorted((a, b) => compareKeys(view.key, a, b))
    .map((key) => {
      const fields = owners.has(key) ? { note: 'x' } : null
      return [
        key,
        encodeEntry(view.layout, key, { fields, counts: { lines: amounts.get(key) ?? 0n } }),
      ]
    })
}

describe.each(shapes.map((types) => [types.join(' and '), types] as const))(
  'keys of %s',
  (_, types) => {
    const view = viewOf(types)
    let truth: [string, string][]

    beforeAll(async () => {
      await fill(view)
      truth = await expected(view)
    }, 60_000)

    test.each([
      [1_000, 10_000],
      [7, 10_000],
      [50, 5],
      [1_000, 1],
    ])(
      'come in the same order from SQL, in pages of %p keys and %p rows',
      async (keysMax, rowsMax) => {
        expect(await walk(view, { keysMax, rowsMax })).toEqual(truth)
      },
    )

    test('are found by their texts, and what is no key is not there', async () => {
      const keys = truth.map(([key]) => key)
      const garbage = ['no such', '01', 'a:b:c:d', '\\', '2026-02-30', '\0', '\ud800', '']
      const asked = [...keys, ...garbage.filter((key) => !keys.includes(key))]
      expect([...(await askTruth(client, view, keysQuery(view, asked))).entries]).toEqual(truth)
      expect(
        (await askTruth(client, view, keysQuery(view, garbage.slice(0, 3)))).entries.size,
      ).toBe(0)
    })

    test('are told by the age of their rows', async () => {
      const owned = truth.flatMap(([key, text]) => (text.startsWith('+') ? [key] : []))
      const { rows } = await client.query<{ id: string }>('select pg_current_xact_id()::text as id')
      const { rows: settled } = await client.query<unknown[]>({
        text: settledQuery(
          view,
          truth.map(([key]) => key),
          BigInt(rows[0]!.id),
        ),
        rowMode: 'array',
      })
      expect(new Set(settled.map(([key]) => key))).toEqual(new Set(owned))
    })
  },
)

test('any texts are spelled and ordered alike in SQL and in JavaScript', async () => {
  const view = viewOf(['text', 'text'])
  const letters = fc.constantFrom('a', 'B', ':', '\\', 'ä', '\uffff', '😀', ' ', '', "'", '"')
  const part = fc.array(letters, { maxLength: 5 }).map((parts) => parts.join(''))
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.tuple(part, part), { maxLength: 60, selector: String }),
      async (keys) => {
        const order = ordered(view, ['a', 'b']).join(', ')
        const { rows } = await client.query<{ key: string }>(
          `select ${spellSql(['a', 'b'])} as key from unnest($1::text[], $2::text[]) t (a, b) order by ${order}`,
          [keys.map(([a]) => a), keys.map(([, b]) => b)],
        )
        const spelled = keys.map((parts) => spellKey(parts)!)
        expect(rows.map(({ key }) => key)).toEqual(
          spelled.toSorted((a, b) => compareKeys([{ type: 'text' }, { type: 'text' }], a, b)),
        )
      },
    ),
    { numRuns: 60 },
  )
}, 60_000)

test('a partitioned table of another schema is asked as one', async () => {
  await client.query(`create table "Shop.1".parted (region text, id int, note text,
      primary key (region, id)) partition by list (region);
    create table "Shop.1".eu partition of "Shop.1".parted for values in ('eu');
    create table "Shop.1".others partition of "Shop.1".parted default;
    insert into "Shop.1".parted values ('us', 1, 'a'), ('eu', 2, 'b'), ('eu', 1, null)`)
  const view = defineView({
    name: 'parted',
    key: { region: 'text', id: 'integer' },
    row: from('"Shop.1".parted', { key: ['region', 'id'], fields: { note: 'note' } }),
    aggregates: { sameCount: countOf('"Shop.1".parted', { by: ['region', 'id'] }) },
  })
  const truth = await walk(view, { keysMax: 2, rowsMax: 2 })
  expect(truth).toEqual([
    ['eu:1', '+2:eu1:1-;1'],
    ['eu:2', '+2:eu1:21:b;1'],
    ['us:1', '+2:us1:11:a;1'],
  ])
  const { rows } = await client.query<{ id: string }>('select pg_current_xact_id()::text as id')
  const { rows: settled } = await client.query<unknown[]>({
    text: settledQuery(view, ['us:1', 'eu:3'], BigInt(rows[0]!.id)),
    rowMode: 'array',
  })
  expect(settled).toEqual([['us:1']])
})
