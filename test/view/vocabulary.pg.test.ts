/** The SQL that the README's table says of each aggregate, run as it stands there over generated rows. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Client } from 'pg'
import type { Row } from '../../src/change.ts'
import { KeptView } from '../../src/kit/kept-view.ts'
import { bigint, integer, numeric, timestamptz } from '../../src/types/declare.ts'
import { typeOf } from '../../src/types/types.ts'
import { averageOf } from '../../src/view/aggregates/average-of.ts'
import { countsOf } from '../../src/view/aggregates/counts-of.ts'
import { earliestOf } from '../../src/view/aggregates/earliest-of.ts'
import { latestOf } from '../../src/view/aggregates/latest-of.ts'
import { maxOf } from '../../src/view/aggregates/max-of.ts'
import { minOf } from '../../src/view/aggregates/min-of.ts'
import { sumOf } from '../../src/view/aggregates/sum-of.ts'
import { topOf } from '../../src/view/aggregates/top-of.ts'
import { eq } from '../../src/view/condition.ts'
import { countOf, defineView, from } from '../../src/view/define-view.ts'
import { toJson } from '../../src/view/json.ts'
import { columnsOf, type View } from '../../src/view/view.ts'
import { windowOf } from '../../src/view/window-of.ts'
import { sourceFixture, type SourceFixture } from '../source/source-fixture.ts'
import { insert } from '../support/builders.ts'

const by = 'customer_id'
const rows = {
  by,
  order: timestamptz('placed_at'),
  key: bigint('id'),
  most: 20,
  fields: { total: numeric('total') },
}
const least = { by, of: numeric('total'), scale: 2, key: bigint('id') }

const aggregates = {
  "countOf('orders', { by })": countOf('orders', { by }),
  "sumOf('orders', { by, of: integer('pieces') })": sumOf('orders', { by, of: integer('pieces') }),
  "sumOf('orders', { by, of: numeric('total'), scale: 2 })": sumOf('orders', {
    by,
    of: numeric('total'),
    scale: 2,
  }),
  "averageOf('orders', { by, of: integer('pieces'), digits: 2 })": averageOf('orders', {
    by,
    of: integer('pieces'),
    digits: 2,
  }),
  "topOf('orders', { by, item: { shopId: bigint('shop_id') }, most: 10 })": topOf('orders', {
    by,
    item: { shopId: bigint('shop_id') },
    most: 10,
  }),
  "countsOf('orders', { by, item: 'state' })": countsOf('orders', { by, item: 'state' }),
  "latestOf('orders', { by, order: timestamptz('placed_at'), key: bigint('id'), most: 20, fields: { total: numeric('total') } })":
    latestOf('orders', rows),
  "earliestOf('orders', { … })": earliestOf('orders', rows),
  "minOf('orders', { by, of: numeric('total'), scale: 2, key: bigint('id') })": minOf(
    'orders',
    least,
  ),
  "maxOf('orders', { … })": maxOf('orders', least),
  "where: [eq('state', 'paid')]": countOf('orders', { by, where: [eq('state', 'paid')] }),
}

/** By the first code of each line: the first code of its second cell. */
const told = new Map(
  readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')
    .split('### What an entry says of many rows')[1]!
    .split('\n### ')[0]!
    .split('\n')
    .flatMap((line) => {
      const [, declared, sql] = /^\| `([^`]+)`[^|]*\| `([^`]+)`/.exec(line) ?? []
      return declared && sql ? [[declared, sql] as const] : []
    }),
)

const cards = defineView({
  name: 'cards',
  key: { customerId: 'bigint' },
  row: from('customers', { key: 'id', fields: { name: 'name' } }),
  aggregates: Object.fromEntries(Object.values(aggregates).map((each, at) => [`a${at}`, each])),
})

let fixture: SourceFixture
let client: Client

beforeAll(async () => {
  fixture = await sourceFixture()
  client = fixture.admin
  await client.query(`
    create table customers (id bigint primary key, name text);
    create table orders (id bigint primary key, customer_id bigint, shop_id bigint, state text,
      pieces integer, total numeric(10, 2) check (total <> 'NaN'), placed_at timestamptz);
    insert into customers select i, 'customer ' || i from generate_series(1, 20) i;
    select setseed(0.20261123);
    insert into orders select i, 1 + (random() * 17)::int, nullif((random() * 14)::int, 0),
      (array['open', 'paid', 'ö', null])[1 + (random() * 3)::int],
      case when random() < 0.8 then (random() * 9)::int - 4 end,
      case when random() < 0.8 then ((random() - 0.5) * 1e3)::numeric(10, 2) end,
      (array[null, 'infinity', '-infinity', '0044-03-15 BC', '2026-01-01 00:04:59.999999Z',
        '2026-01-01 00:05Z', '2026-01-01 00:06Z'])[1 + (random() * 6)::int]::timestamptz
    from generate_series(1, 900) i;
    insert into orders (id, customer_id) values (9001, 19)`)
}, 60_000)

afterAll(() => fixture?.close())

async function rowsOf(view: View, table: string): Promise<Row[]> {
  const columns = Object.entries({ id: 'bigint', ...columnsOf(view, table) } as const)
  const texts = columns.map(([name, type]) => `${typeOf(type).sql(`"${name}"`)} as "${name}"`)
  const { rows: found } = await client.query<Record<string, string | null>>(
    `select ${texts.join(', ')} from ${table}`,
  )
  const isInteger = (type: string) => type === 'bigint' || type === 'integer'
  return found.map((row) =>
    Object.fromEntries(
      columns.map(([name, type]) => {
        const text = row[name]!
        return [name, text !== null && isInteger(type) ? BigInt(text) : text]
      }),
    ),
  )
}

/** The view's entries by key, as JSON, after all rows have come. */
async function kept(view: View, tables: readonly string[], keys: readonly string[]) {
  const made = new KeptView(view)
  for (const table of tables) {
    for (const [at, row] of (await rowsOf(view, table)).entries()) {
      made.take(made.contributionsOf(insert(table, { id: row['id']! }, row)))
      // A commit takes so many at most.
      if (at % 100 === 0) await made.read(keys.slice(0, 1))
    }
  }
  return (await made.read(keys)).map((entry) => entry && toJson(view, entry))
}

type Cell = string | null

/** What the README's line says, of these values. */
async function said(declared: string, values: readonly unknown[]): Promise<Cell[][]> {
  const text = told.get(declared)!.replace('…', 'from orders where customer_id = $1')
  return (await client.query<Cell[]>({ text, values: [...values], rowMode: 'array' })).rows
}

/** What readers see and what SQL answers, as texts: one value, or a list of rows. */
function compared(shown: unknown, found: readonly Cell[][]): readonly [unknown, unknown] {
  if (!Array.isArray(shown)) return [String(shown), String(found[0]?.[0] ?? null)]
  const rowsShown = (shown as object[]).map((each) => Object.values(each).map(String))
  return [rowsShown, found.map((row) => row.map(String))]
}

test('the README has a line for each aggregate', () => {
  const lines = [...told.keys()].filter((declared) => /^\w+Of\('orders'|^where/.test(declared))
  expect(lines).toEqual(Object.keys(aggregates))
})

test.each(Object.keys(aggregates))('%s is what its SQL says', async (declared) => {
  const keys = Array.from({ length: 20 }, (_, at) => String(at + 1))
  const entries = await kept(cards, ['customers', 'orders'], keys)
  const name = `a${Object.keys(aggregates).indexOf(declared)}`
  for (const [at, key] of keys.entries()) {
    const shown = (entries[at] as Record<string, unknown>)[name]
    const [readers, sql] = compared(shown, await said(declared, [key]))
    expect([key, readers]).toEqual([key, sql])
  }
})

test('fields of a row are what its SQL says', async () => {
  const [entry] = await kept(cards, ['customers'], ['7'])
  const declared = "row: from('customers', { key: 'id', fields: { name: 'name' } })"
  expect(await said(declared, ['7'])).toEqual([[(entry as { name: string }).name]])
})

test('keys of several parts are what their SQL says', async () => {
  const pairs = defineView({
    name: 'pairs',
    key: { shopId: 'bigint', state: 'text' },
    aggregates: { orders: countOf('orders', { by: ['shop_id', 'state'] }) },
  })
  const keys = ['1', '7', '14'].flatMap((shop) => ['open', 'paid', 'ö'].map((s) => [shop, s]))
  const entries = await kept(
    pairs,
    ['orders'],
    keys.map((parts) => parts.join(':')),
  )
  for (const [at, parts] of keys.entries()) {
    const found = await said("key: { shopId: 'bigint', state: 'text' }", parts)
    expect(found).toEqual([[String((entries[at] as { orders: number }).orders)]])
  }
})

test('windows are what their SQL says', async () => {
  const windows = defineView({
    name: 'windows',
    key: { customerId: 'bigint', start: windowOf('timestamptz', '5 minutes') },
    aggregates: { orders: countOf('orders', { by: ['customer_id', 'placed_at'] }) },
  })
  const starts = ['2026-01-01T00:00:00.000000Z', '2026-01-01T00:05:00.000000Z']
  const keys = ['1', '9'].flatMap((customer) => starts.map((start) => [customer, start]))
  const spelled = keys.map(([customer, start]) => `${customer}:${start!.replaceAll(':', '\\:')}`)
  const entries = await kept(windows, ['orders'], spelled)
  for (const [at, parts] of keys.entries()) {
    const found = await said("windowOf('timestamptz', '5 minutes')", parts)
    expect(found).toEqual([[String((entries[at] as { orders: number }).orders)]])
  }
})
