/** What people write who have no editor that knows types. */
import { MillraceError } from '../../src/errors.ts'
import * as millrace from '../../src/index.ts'

type Anything = (...given: unknown[]) => unknown

const { averageOf, countOf, countsOf, from, latestOf, lookup, minOf, sumOf, topOf } =
  millrace as unknown as Readonly<Record<string, Anything>>
const defineView = millrace.defineView as unknown as Anything

const orders = countOf!('orders', { by: 'shop_id' })
const shop = { name: 'shop', key: { id: 'bigint' } }
const row = (given: object) => ({
  ...shop,
  row: { table: 'shops', key: 'id', fields: {}, ...given },
})
const of = (n: unknown) => ({ ...shop, aggregates: { n } })

test.each<[unknown, string]>([
  [undefined, 'a declaration is an object'],
  [{ ...shop, name: undefined, aggregates: { orders } }, "it needs a name: 'user-information'"],
  [{ name: 'shop', aggregates: { orders } }, "it needs a key: { userId: 'bigint' }"],
  [{ ...shop, key: 'id', aggregates: { orders } }, "it needs a key: { userId: 'bigint' }"],
  [{ ...shop, aggregates: { orders }, serve: 3 }, 'serve is no path'],
  [{ ...shop, row: 'shops' }, "row is what from answers: from('users', { key, fields })"],
  [{ ...shop, row: from!('shops') }, "row needs the primary key: key: 'user_id'; row needs fields"],
  [row({ fields: { city: null } }), 'row needs fields, columns by their names'],
  [{ ...shop, aggregates: null }, 'aggregates are named: aggregates: { … }'],
  [of(null), 'n is no aggregate, as countOf answers one'],
  [of(countOf), 'n is no aggregate, as countOf answers one'],
  [of(countOf!('orders')), "n: countOf needs by: 'user_id'"],
  [of(countOf!(undefined, { by: 'a' })), "n names no table: countOf('orders', …)"],
  [of(countOf!('orders', { by: 3 })), "n: by is a column's name, or a list of them"],
  ...[{}, 'state = 1', ['state = 1'], null].map((where): [unknown, string] => [
    of(countOf!('orders', { by: 'a', where })),
    "n: where is a list of conditions: where: [eq('state', 'paid')]",
  ]),
  [of(sumOf!('orders', {})), "n: sumOf needs of: integer('price'); n: sumOf needs by: 'user_id'"],
  [of(sumOf!('orders', { by: 'a', of: 'n' })), "n of type text can't be added up exactly"],
  [of(averageOf!('orders', { by: 'a' })), "n: averageOf needs of: integer('price')"],
  [of(topOf!('orders', { by: 'a', most: 3 })), "n: topOf needs item: bigint('artist_id')"],
  [of(countsOf!('orders', { by: 'a', item: null })), 'n: countsOf needs item'],
  [of(latestOf!('orders', { by: 'a', key: 'b' })), 'n: latestOf needs order: timestamptz('],
  [of(latestOf!('orders', { by: 'a', order: 'c', key: 'b' })), "c of type text can't order rows"],
  [
    of(latestOf!('orders', { by: 'a', order: 'c', key: 'b', fields: { c: null } })),
    "there is no type 'undefined' for c",
  ],
  [of(minOf!('orders', { by: 'a' })), 'n: minOf needs of: integer('],
  [{ ...row({}), lookups: { city: lookup!('city') } }, 'lookup city is written as lookup('],
  [
    of(topOf!('orders', { by: 'a', item: 'b', most: 3, lookup: 'city' })),
    'lookup names no view: {',
  ],
])('%j is told what it lacks: %s', (declaration, fault) => {
  const define = () => defineView(declaration)
  expect(define).toThrow(fault)
  expect(define).toThrow(MillraceError)
})
