import type { Client } from 'pg'
import { columnTypes, knownType, typeOf } from '../../src/types/types.ts'
import { sourceFixture, type SourceFixture } from '../source/source-fixture.ts'
import { edges, moodLabels } from './edges.ts'

let fixture: SourceFixture
let client: Client

beforeAll(async () => {
  fixture = await sourceFixture()
  client = fixture.admin
  const labels = moodLabels.map((label) => `'${label.replaceAll("'", "''")}'`)
  await client.query(`create type edge_mood as enum (${labels.join(', ')})`)
  // None of these may show in a text.
  await client.query(`set datestyle = 'SQL, DMY'; set timezone = 'America/New_York';
    set intervalstyle = 'sql_standard'; set bytea_output = 'escape'; set extra_float_digits = 1`)
}, 60_000)

afterAll(() => fixture?.close())

async function valueOf(sql: string, of = ''): Promise<string | null> {
  const { rows } = await client.query<{ text: string | null }>(`select ${sql} as text ${of}`)
  return rows[0]!.text
}

test('there are edges of every type', () => {
  expect(new Set(edges.map(({ type }) => type))).toEqual(new Set(columnTypes))
})

describe.each(edges)('$type from a column of type $column', (edge) => {
  const type = typeOf(edge.type)
  const values = [...edge.values, ...(edge.unwritten ?? [])]
  const shown = values.map(([sql, text]) => [sql.slice(0, 60), sql, text] as const)

  test('is null where the column is', async () => {
    expect(await valueOf(type.sql('v'), `from (select null::${edge.column} as v) t`)).toBeNull()
  })

  test.each(shown)('has the canonical text of %s', async (_, sql, text) => {
    const of = `from (select (${sql})::${edge.column} as v) t`
    expect(await valueOf(type.sql('v'), of)).toBe(text)
    expect(await valueOf(type.json.sql(type.sql('v')), of)).toBe(type.json.text(text))
  })

  test.each(shown)('comes back from a store as %s', async (_, _sql, text) => {
    const { rows } = await client.query<{ text: string }>(
      `select ${type.stored.sql('v')} as text from unnest($1::${type.stored.type}[]) t (v)`,
      [[type.stored.value(text)]],
    )
    expect(rows).toEqual([{ text }])
    expect(await valueOf(`format_type('${type.stored.type}'::regtype, null)`)).toBe(
      type.stored.type,
    )
  })

  test('is of a type of Postgres that fits, and no other type takes it in fewer words', async () => {
    const { rows } = await client.query<{ name: string; kind: string; element: never }>(
      `select format_type(t.oid, null) as name, typtype as kind,
         (select json_build_object('name', format_type(e.oid, null), 'kind', e.typtype)
          from pg_type e where e.oid = t.typelem and t.typcategory = 'A') as element
       from pg_type t where oid = '${edge.column}'::regtype`,
    )
    const [found] = rows
    expect(type.refusal({ ...found!, full: found!.name })).toBeUndefined()
  })
})

test('numbers of floating point have the text that Postgres gives them', async () => {
  const special = [
    2 ** 51 + 0.5,
    2 ** 52,
    2 ** 53,
    2e23,
    9.5e21,
    2 ** 60,
    1e22,
    1e23,
    5e-324,
    2 ** -1022,
  ]
  for (const [name, postgres, bytes] of [
    ['real', 'real', 4],
    ['double', 'double precision', 8],
  ] as const) {
    const { rows } = await client.query<{ bits: Buffer; text: string }>(
      `select ${bytes === 4 ? 'float4send' : 'float8send'}(v) as bits, v::text as text from (
         select (sign(random() - 0.5) * random() * 10::float8 ^ (random() * 74 - 37))::${postgres}
         from generate_series(1, 50000)
         union all select (random() * 1e15)::int8::${postgres} from generate_series(1, 20000)
         union all select (i * 2::float8 ^ (e / 2.0)::int)::${postgres}
           from generate_series(-60, 120) e, generate_series(1, 99) i
         union all select (2::float8 ^ e)::${postgres} from generate_series(-126, 127) e
         union all select unnest($1::float8[])::${postgres}) t (v)`,
      [bytes === 4 ? special.slice(0, 8) : special],
    )
    const read = typeOf(name).reader({
      avro: bytes === 4 ? 'float' : 'double',
      connectName: undefined,
    })!
    const wrong = rows.filter(({ bits, text }) => {
      const value = bytes === 4 ? bits.readFloatBE() : bits.readDoubleBE()
      return read(value) !== text
    })
    expect(wrong.slice(0, 10).map(({ text }) => text)).toEqual([])
    expect(rows.length).toBeGreaterThan(80_000)
  }
})

test('texts are the same JSON in SQL and in JavaScript', async () => {
  const letters = Array.from({ length: 0x250 }, (_, code) => String.fromCharCode(code)).slice(1)
  const text = [...letters, '\u2028\u2029\ufeff\uffff😀'].join('')
  const { rows } = await client.query<{ text: string }>('select to_json($1::text)::text as text', [
    text,
  ])
  expect(rows[0]!.text).toBe(JSON.stringify(text))
})

test('there are no arrays of what comes altered', () => {
  for (const name of ['date', 'time', 'timestamp', 'timestamptz']) {
    expect(knownType(name)!.noArray).toMatch(/alters/)
    expect(knownType(`${name}[]`)).toBeUndefined()
  }
})
