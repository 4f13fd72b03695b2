import { fastify } from 'fastify'
import { bigint, date, integer, numeric } from '../../src/types/declare.ts'
import { countsOf } from '../../src/view/aggregates/counts-of.ts'
import { latestOf } from '../../src/view/aggregates/latest-of.ts'
import { minOf } from '../../src/view/aggregates/min-of.ts'
import { topOf } from '../../src/view/aggregates/top-of.ts'
import { defineView, from } from '../../src/view/define-view.ts'
import { itemOf } from '../../src/view/item.ts'
import { jsonSchemaOf, toJson } from '../../src/view/json.ts'
import { viewOf } from '../../src/view/view.ts'

const by = 'shop'
const key = bigint('id')
const view = defineView({
  name: 'shops',
  key: { shop: 'text' },
  row: from('shops', { key: 'id', fields: {} }),
  aggregates: {
    articles: topOf('sales', {
      by,
      item: { article: bigint('article'), day: date('day') },
      most: 2,
    }),
    pieces: countsOf('sales', { by, item: integer('pieces') }),
    dearest: latestOf('sales', {
      by,
      key,
      order: numeric('paid'),
      scale: 3,
      most: 2,
      fields: { paid: numeric('paid'), id: bigint('id'), note: 'note' },
    }),
    least: minOf('sales', { by, key, of: numeric('paid'), scale: 3 }),
  },
})
const [articles, , dearest, least] = view.tallies
const row = (paid: string, id: string, note: string | null) =>
  itemOf(dearest!.item, [paid, id, paid, note]) as string

const entry = (slices: Readonly<Record<string, readonly string[]>>) => ({
  key: 'eu',
  fields: {},
  counts: {},
  slices: Object.fromEntries(
    Object.entries(slices).map(([name, items]) => [
      name,
      items.map((item) => ({ item, amount: 3n })),
    ]),
  ),
})

const nothing = { shop: 'eu', articles: [], pieces: [], dearest: [], least: null }

test('items and rows are shown in the order of their slice, as the columns are', async () => {
  const json = toJson(
    view,
    entry({
      articles: ['9007199254740993:infinity', '7:-0043-03-15'],
      pieces: ['-5'],
      // A numeric field has the digits of its column, whatever the scale of the order.
      dearest: [row('-1.50', '7', null), row('2', '-7', 'x')],
      least: [itemOf(least!.item, ['-1.5', '7']) as string],
    }),
  )
  expect(json).toEqual({
    shop: 'eu',
    articles: [
      { article: '9007199254740993', day: 'infinity', count: 3 },
      { article: '7', day: '-0043-03-15', count: 3 },
    ],
    pieces: [{ item: -5, count: 3 }],
    dearest: [
      { paid: '-1.50', id: '7', note: null },
      { paid: '2', id: '-7', note: 'x' },
    ],
    least: '-1.500',
  })
  const app = fastify()
  app.get('/', { schema: { response: { 200: jsonSchemaOf(view) } } }, () => json)
  app.get('/none', { schema: { response: { 200: jsonSchemaOf(view) } } }, () =>
    toJson(view, entry({})),
  )
  expect((await app.inject('/')).body).toBe(JSON.stringify(json))
  expect((await app.inject('/none')).body).toBe(JSON.stringify(nothing))
  await app.close()
})

test('what is no item is left out', () => {
  const bad = ['x', '[]', '["1"]', '["1","2","3","4","5"]', '[1,2,3,4]']
  const given = entry({ articles: ['7', 'a:b:c'], dearest: bad, least: bad.slice(0, 1) })
  expect(toJson(view, given)).toEqual(nothing)
})

test('slices are of the tallies as stores have them', () => {
  const stored = viewOf({
    ...view,
    tallies: [{ ...articles!, stored: 'articles@1' }],
    aggregates: view.aggregates.slice(0, 1),
  })
  const slice = { name: 'articles', tally: 'articles@1', order: 'largest', most: 2 }
  expect(stored.layout.slices).toEqual([slice])
})
