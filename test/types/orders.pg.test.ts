import * as fc from 'fast-check'
import type { Client } from 'pg'
import { columnTypes, typeOf, type ColumnType } from '../../src/types/types.ts'
import { sourceFixture, type SourceFixture } from '../source/source-fixture.ts'
import { edges } from './edges.ts'

let fixture: SourceFixture
let client: Client

beforeAll(async () => {
  fixture = await sourceFixture()
  client = fixture.admin
}, 60_000)

afterAll(() => fixture?.close())

const ordered = columnTypes.filter((type) => typeOf(type).order)
const scale = 6

/** Canonical texts of random values, as SQL that makes them. */
const random: Readonly<Partial<Record<ColumnType, string>>> = {
  smallint: `(random() * 65535 - 32768)::int`,
  integer: `(random() * 4294967295 - 2147483648)::bigint`,
  bigint: `((random() - 0.5) * 2 ^ (i % 64))::numeric::bigint`,
  numeric: `((random() - 0.5) * 10 ^ (i % 13))::numeric(18, ${scale})`,
  uuid: `gen_random_uuid()`,
  date: `date '2000-01-01' + ((random() - 0.5) * 4 * 10 ^ (i % 7))::int`,
  time: `time '00:00' + random() * interval '1 day'`,
  timestamp: `timestamp '2000-01-01' + ((random() - 0.5) * 4 * 10 ^ (i % 7)) * interval '1 day'`,
  timestamptz: `timestamptz '2000-01-01Z' + ((random() - 0.5) * 4 * 10 ^ (i % 7)) * interval '1 day'`,
}

/** SQL for edges of the type that can be put in order. */
function edgesOf(type: ColumnType): readonly string[] {
  return edges
    .filter((edge) => edge.type === type)
    .flatMap(({ values, unwritten = [] }) => [...values, ...unwritten])
    .filter(([, text]) => typeOf(type).order!.spell(text, scale) !== undefined)
    .map(([sql]) => sql)
}

test('every type whose order is kept has values here', () => {
  expect(new Set(ordered)).toEqual(new Set(Object.keys(random)))
})

describe.each(ordered)('%s', (type) => {
  const form = typeOf(type)
  const order = form.order!

  test('has texts of one width, whose bytes stand in the order that SQL has', async () => {
    const given = edgesOf(type).map((sql) => `(${sql})::${form.stored.type}`)
    const { rows } = await client.query<{ text: string }>(
      `select ${form.sql('v')} as text from (
         select unnest(array[${given.join(', ')}]) as v
         union select (${random[type]})::${form.stored.type} from generate_series(1, 500) i
       ) t order by v`,
    )
    const texts = rows.map(({ text }) => text)
    expect(texts.length).toBeGreaterThan(given.length + 300)
    const spelled = texts.map((text) => order.spell(text, scale)!)
    expect(spelled.toSorted()).toEqual(spelled)
    expect(new Set(spelled.map((each) => each.length)).size).toBe(1)
    const digits = (text: string) => {
      const [whole, behind = ''] = text.split('.')
      return type === 'numeric' ? `${whole}.${behind.padEnd(scale, '0')}` : text
    }
    expect(spelled.map((each) => order.read(each, scale))).toEqual(texts.map(digits))
  })

  test('spells nothing else', () => {
    for (const text of [
      '',
      'x',
      'NaN',
      'Infinity',
      '1e3',
      '--1',
      '2026-02-30',
      '25:00:00.000000',
    ]) {
      expect(order.spell(text, scale)).toBeUndefined()
    }
    fc.assert(
      fc.property(fc.string(), (text) => {
        const spelled = order.spell(text, scale)
        if (spelled !== undefined && type !== 'numeric') {
          expect(order.read(spelled, scale)).toBe(text)
        }
      }),
    )
  })
})

test('infinities stand at the ends, and edges beyond 64 bits are none', () => {
  for (const type of ['date', 'timestamp', 'timestamptz'] as const) {
    const order = typeOf(type).order!
    expect(order.read(order.spell('infinity', 0)!, 0)).toBe('infinity')
    expect(order.read(order.spell('-infinity', 0)!, 0)).toBe('-infinity')
    expect(edgesOf(type)).toEqual(expect.arrayContaining(["'infinity'", "'-infinity'"]))
  }
  const { bigint, numeric } = { bigint: typeOf('bigint'), numeric: typeOf('numeric') }
  expect(bigint.order!.spell('9223372036854775807', 0)).toBeDefined()
  expect(bigint.order!.spell('9223372036854775808', 0)).toBeUndefined()
  expect(numeric.order!.spell('9'.repeat(18), 0)).toBeDefined()
  expect(numeric.order!.spell(`1${'0'.repeat(18)}`, 0)).toBeUndefined()
  expect(numeric.order!.spell('9'.repeat(17), 2)).toBeUndefined()
  expect(numeric.order!.spell('1.234', 2)).toBeUndefined()
})
