import { arrayOf, enumeration, numeric } from '../../src/types/declare.ts'
import { sumOf } from '../../src/view/aggregates/sum-of.ts'
import { defineView, from } from '../../src/view/define-view.ts'
import type { View } from '../../src/view/view.ts'
import { sourceFixture, type SourceFixture } from './source-fixture.ts'

let fixture: SourceFixture
let source: ReturnType<SourceFixture['open']>

beforeAll(async () => {
  fixture = await sourceFixture()
  await fixture.admin.query(`create type size as enum ('small', 'big');
    create domain price as numeric(10,2)`)
  source = fixture.open({ publication: 'sales', slot: 'sales' })
}, 60_000)

afterAll(() => fixture?.close())

/** What is wrong with a table of these columns for the view. */
async function faultsOf(view: View, columns: string) {
  await fixture.admin.query(`drop table if exists sales; drop publication if exists sales;
    create table sales (id int primary key, ${columns});
    alter table sales replica identity full; grant select on sales to millrace;
    create publication sales for table sales`)
  return (await source.faults([view])).map(({ what }) => what)
}

describe('a numeric column that is added up', () => {
  const shops = defineView({
    name: 'shops',
    key: { id: 'integer' },
    row: from('sales', { key: 'id', fields: {} }),
    aggregates: { paid: sumOf('sales', { by: 'shop', of: numeric('total'), scale: 2 }) },
  })
  const odd = "shop AND (total <> 'NaN'::numeric) AND "
  const columns = `shop int, total numeric(10,2), "${odd}" int`
  const noNaN = "total <> 'NaN'"

  test.each([
    noNaN,
    `id > 0 and ${noNaN}`,
    `(id > 0 and ${noNaN}) and (shop > 0 or shop < 0)`,
    `id > 0 and (shop <> 7 and (${noNaN} and shop < 9))`,
    `id::text <> '( and "' and ${noNaN}`,
    `${noNaN} and not (id > 9 and shop > 9)`,
  ])('is kept from NaN by the check %s', async (check) => {
    expect(await faultsOf(shops, `${columns}, check (${check})`)).toEqual([])
    const domain = columns.replace('numeric(10,2)', 'price')
    expect(await faultsOf(shops, `${domain}, check (${check})`)).toEqual([])
  })

  test.each([
    `id > 9 or (id > 0 and ${noNaN} and shop > 0)`,
    `id > 9 and (shop > 0 or (id > 0 and ${noNaN} and shop < 9))`,
    `not (id > 9 and ${noNaN} and shop > 0)`,
    `(id > 9 and ${noNaN} and shop > 0) is not true`,
    `case when id > 9 then shop > 0 and ${noNaN} and shop < 9 else true end`,
    `coalesce(id > 9 and ${noNaN} and shop > 0, true)`,
    `id::text <> ' AND (total <> ''NaN''::numeric) AND '`,
    `id::text <> E'\\\\'' AND (total <> \\'NaN\\'::numeric) AND '`,
    `"${odd}" > 0`,
  ])('is not kept from NaN by the check %s', async (check) => {
    expect(await faultsOf(shops, `${columns}, check (${check})`)).toEqual([
      "column total of sales may hold NaN, which paid of view shops can't add up",
    ])
  })
})

describe('an array', () => {
  const table = (cell: Parameters<typeof from>[1]['fields'][string]) =>
    defineView({
      name: 'shops',
      key: { id: 'integer' },
      row: from('sales', { key: 'id', fields: { cell } }),
    })
  const flat = 'array_ndims(cell) = 1'

  test('is held to conditions that are joined by AND, but not within OR', async () => {
    const numbers = table(arrayOf(numeric('cell')))
    const isNumber = `not (cell && '{NaN,Infinity,-Infinity}')`
    const both = `id > 0 and ${flat} and ${isNumber} and id < 9`
    expect(await faultsOf(numbers, `cell numeric[], check (${both})`)).toEqual([])
    expect(await faultsOf(numbers, `cell numeric[], check (id < 0 or (${both}))`)).toEqual([
      expect.stringMatching(/several dimensions/),
      expect.stringMatching(/NaN or an infinity/),
    ])
  })

  test('of an enum is looked through for nulls from its beginning', async () => {
    const sizes = table(arrayOf(enumeration('cell')))
    const noNull = (more = '') => `${flat} and array_position(cell, null${more}) is null`
    expect(await faultsOf(sizes, `cell size[], check (${noNull()})`)).toEqual([])
    expect(await faultsOf(sizes, `cell size[], check (${noNull(', 2')})`)).toEqual([
      expect.stringMatching(/holds a null/),
    ])
  })
})
