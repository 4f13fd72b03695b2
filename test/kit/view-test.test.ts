import { fastify } from 'fastify'
import {
  bigint,
  countOf,
  date,
  defineView,
  from,
  jsonb,
  latestOf,
  maxOf,
  timestamptz,
  topOf,
} from '../../src/index.ts'
import { viewTest, type ViewTestOptions } from '../../src/test.ts'
import { typeOf } from '../../src/types/types.ts'
import { jsonSchemaOf } from '../../src/view/json.ts'
import { edgeView, everyValue } from './every-type.ts'

const shopOrders = defineView({
  name: 'shop-orders',
  key: { shopId: 'bigint' },
  row: from('shops', {
    key: 'id',
    fields: { city: 'city', ownerId: bigint('owner'), openedAt: timestamptz('opened_at') },
  }),
  aggregates: {
    orderCount: countOf('orders', { by: 'shop_id' }),
    returnCount: countOf('orders', { by: 'returned_to' }),
    fanCount: countOf('fans', { by: 'shop_id' }),
  },
})
const tables = { orders: { key: 'id' }, fans: { key: ['shop_id', 'user_id'] } }

const shop = () => viewTest(shopOrders, { tables })
const bern = { shopId: '1', city: 'Bern', ownerId: null, openedAt: null }
const none = { orderCount: 0, returnCount: 0, fanCount: 0 }

describe('an entry', () => {
  test('has the fields of its row and the counts of others, as HTTP answers them', async () => {
    const shops = shop()
    shops.insert('shops', {
      id: 1,
      city: 'Bern',
      owner: 9007199254740993n,
      opened_at: '2026-01-31T10:18:00+02:00',
    })
    shops.insert('orders', { id: 'a', shop_id: 1 }, { id: 'b', shop_id: 1n, returned_to: '1' })
    expect(await shops.entry(1)).toEqual({
      shopId: '1',
      city: 'Bern',
      ownerId: '9007199254740993',
      openedAt: '2026-01-31T08:18:00.000000Z',
      orderCount: 2,
      returnCount: 1,
      fanCount: 0,
    })
    expect(await shops.entries()).toEqual([await shops.entry('1')])
  })

  test('is there while its row is, and counts from before and after it', async () => {
    const shops = shop()
    shops.insert('orders', { id: 1, shop_id: 1 })
    expect([await shops.entry(1), await shops.entries()]).toEqual([undefined, []])
    shops.insert('shops', { id: 1, city: 'Bern' })
    expect(await shops.entry(1)).toEqual({ ...bern, ...none, orderCount: 1 })
    shops.delete('shops', { id: 1 })
    expect(await shops.entry(1)).toBeUndefined()
  })

  test('follows updates, also of a group and of a primary key', async () => {
    const shops = shop()
    shops.insert('shops', { id: 1, city: 'Bern' }, { id: 2, city: 'Biel' })
    shops.insert('orders', { id: 1, shop_id: 1 })
    shops.insert('fans', { shop_id: 1, user_id: 7 })
    shops.update('orders', { id: 1 }, { shop_id: 2, returned_to: 1 })
    shops.update('fans', { shop_id: 1, user_id: 7 }, { shop_id: 2 })
    shops.update('shops', { id: 1 }, { city: 'Basel' })
    expect(await shops.entry(1)).toEqual({ ...bern, city: 'Basel', ...none, returnCount: 1 })
    expect(await shops.entry(2)).toMatchObject({ orderCount: 1, returnCount: 0, fanCount: 1 })
    shops.update('orders', { id: 1 }, { id: 2, shop_id: null })
    shops.delete('fans', { shop_id: 2, user_id: 7 })
    shops.update('shops', { id: 2 }, { id: 3 })
    expect(await shops.entry(2)).toBeUndefined()
    expect(await shops.entry(3)).toEqual({ ...bern, shopId: '3', city: 'Biel', ...none })
  })

  test('is found by the parts of its key', async () => {
    const view = defineView({
      name: 'shop-days',
      key: { region: 'text', day: 'date' },
      row: from('shop.days', { key: ['region', 'day'], fields: {} }),
    })
    const days = viewTest(view)
    days.insert('shop.days', { region: 'eu:x', day: '2026-01-31' })
    expect(await days.entry('eu:x', '2026-01-31')).toEqual({ region: 'eu:x', day: '2026-01-31' })
    await expect(days.entry('eu:x')).rejects.toThrow(/no key of shop-days: region is text/)
    await expect(days.entry('eu:x', '2026-1-31')).rejects.toThrow(/day is a day like/)
  })

  test('has every type as the server writes it', async () => {
    const view = viewTest(edgeView)
    const app = fastify()
    let entry: unknown
    app.get('/', { schema: { response: { 200: jsonSchemaOf(edgeView) } } }, async () => entry)
    for (const [at, values] of everyValue().entries()) {
      view.insert('edges', { id: at, ...values.row })
      entry = await view.entry(at)
      const answer = await app.inject('/')
      expect([answer.statusCode, answer.json()]).toEqual([200, entry])
      const texts = Object.entries(values.texts).map(([field, text]) => [
        field,
        text === null
          ? null
          : (JSON.parse(typeOf(values.types[field]!).json.text(text)) as unknown),
      ])
      const expected = { id: String(at), ...Object.fromEntries(texts) }
      // JSON of numbers has no negative zero.
      expect(entry).toEqual(JSON.parse(JSON.stringify(expected)))
    }
    await app.close()
  })
})

describe('a transaction', () => {
  test('is seen when it has ended', async () => {
    const shops = shop()
    let before: unknown
    shops.transaction(() => {
      shops.insert('shops', { id: 1, city: 'Bern' })
      before = shops.entry(1)
      shops.insert('orders', { id: 1, shop_id: 1 })
    })
    expect(await before).toBeUndefined()
    expect(await shops.entry(1)).toMatchObject({ orderCount: 1 })
  })

  test('leaves nothing where it throws, and passes the error on', async () => {
    const shops = shop()
    shops.insert('shops', { id: 1, city: 'Bern' })
    shops.insert('orders', { id: 1, shop_id: 1 }, { id: 2, shop_id: 1 })
    const work = () => {
      shops.insert('orders', { id: 3, shop_id: 1 })
      shops.update('orders', { id: 2 }, { shop_id: 2 })
      shops.delete('orders', { id: 1 })
      shops.delete('shops', { id: 1 })
      throw new Error('out of stock')
    }
    expect(() => shops.transaction(work)).toThrow('out of stock')
    expect(await shops.entry(1)).toMatchObject({ city: 'Bern', orderCount: 2 })
    // The rows are as they were as well.
    shops.insert('orders', { id: 3, shop_id: 1 })
    shops.delete('orders', { id: 1 })
    expect(await shops.entry(1)).toMatchObject({ orderCount: 2 })
  })

  test('within another is a savepoint', async () => {
    const shops = shop()
    shops.insert('shops', { id: 1 })
    shops.transaction(() => {
      shops.insert('orders', { id: 1, shop_id: 1 })
      const inner = () => {
        shops.delete('orders', { id: 1 })
        shops.insert('orders', { id: 2, shop_id: 1 })
        throw new Error('no')
      }
      expect(() => shops.transaction(inner)).toThrow('no')
      shops.transaction(() => shops.insert('orders', { id: 3, shop_id: 1 }))
    })
    expect(await shops.entry(1)).toMatchObject({ orderCount: 2 })
    shops.delete('orders', { id: 1 })
    expect(() => shops.delete('orders', { id: 2 })).toThrow('orders has no row id "2"')
  })

  test('takes those within it back with it', async () => {
    const shops = shop()
    shops.insert('shops', { id: 1 })
    const work = () => {
      shops.transaction(() => shops.insert('orders', { id: 1, shop_id: 1 }))
      throw new Error('no')
    }
    expect(() => shops.transaction(work)).toThrow('no')
    shops.insert('orders', { id: 1, shop_id: 1 })
    expect(await shops.entry(1)).toMatchObject({ orderCount: 1 })
  })

  test('of work that is not done at once is refused', async () => {
    const shops = shop()
    const work = async () => shops.insert('shops', { id: 1 })
    expect(() => shops.transaction(() => void 0)).not.toThrow()
    expect(() => shops.transaction(work as () => void)).toThrow(/await nothing in it/)
    expect(await shops.entries()).toEqual([])
  })
})

describe('what the source would not do is refused, and changes nothing:', () => {
  const shops = shop()
  shops.insert('shops', { id: 1, city: 'Bern' }, { id: 2, city: 'Biel' })
  test.each<[string, () => void, string]>([
    ['a table', () => shops.insert('shop', {}), 'read a table shop; did you mean shops? (it reads'],
    ['a column', () => shops.insert('shops', { id: 9, citi: '' }), 'did you mean city?'],
    [
      'a type',
      () => shops.insert('shops', { id: 9, city: 1 }),
      'city is text: text without NUL; not 1',
    ],
    ['a key of another type', () => shops.insert('shops', { id: 'x' }), 'shops.id is bigint: '],
    ['a value of a column that is not read', () => shops.insert('orders', { id: 0.5 }), 'not 0.5'],
    ['a row twice', () => shops.insert('shops', { id: 3 }, { id: 1 }), 'has a row id "1" already'],
    ['a row without its key', () => shops.insert('shops', { city: 'x' }), 'needs id'],
    ['half a key', () => shops.delete('fans', { shop_id: 1 }), 'needs user_id'],
    ['no row', () => shops.delete('fans', { shop_id: 1, user_id: 1 }), 'fans has no row'],
    ['more than the key', () => shops.delete('shops', { id: 1, city: '' }), 'without city'],
    ['a key that is taken', () => shops.update('shops', { id: 1 }, { id: 2 }), 'id "2" already'],
    ['a key that is null', () => shops.update('shops', { id: 1 }, { id: null }), 'needs id'],
  ])('%s', async (_, change, said) => {
    expect(change).toThrow(said)
    expect((await shops.entries()).map(({ city }) => city)).toEqual(['Bern', 'Biel'])
  })
})

describe('where the replica identity does not give a column', () => {
  const poor: ViewTestOptions = {
    tables: { ...tables, orders: { key: 'id', replicaIdentity: 'default' } },
  }
  test('a change that needs it is refused with its cure, and changes nothing', async () => {
    const shops = viewTest(shopOrders, poor)
    shops.insert('shops', { id: 1 })
    shops.insert('orders', { id: 1, shop_id: 1 })
    const cure = /without the earlier value of shop_id.*alter table orders replica identity full/
    expect(() => shops.update('orders', { id: 1 }, { shop_id: 2 })).toThrow(cure)
    expect(() => shops.update('orders', { id: 1 }, { id: 2 })).toThrow(cure)
    expect(() => shops.delete('orders', { id: 1 })).toThrow(cure)
    expect(await shops.entry(1)).toMatchObject({ orderCount: 1 })
  })

  test('of the owning row, no update can be told', () => {
    const shops = viewTest(shopOrders, {
      tables: { ...tables, shops: { replicaIdentity: 'default' } },
    })
    shops.insert('shops', { id: 1, city: 'Bern' })
    expect(() => shops.update('shops', { id: 1 }, { city: 'Biel' })).toThrow(/earlier value of id/)
  })

  test('one within the primary key is given all the same', async () => {
    const shops = shop()
    shops.insert('shops', { id: 1 }, { id: 2 })
    shops.insert('fans', { shop_id: 1, user_id: 1 }, { shop_id: 1, user_id: 2 })
    shops.delete('fans', { shop_id: 1, user_id: 1 })
    shops.update('fans', { shop_id: 1, user_id: 2 }, { shop_id: 2 })
    expect((await shops.entries()).map(({ fanCount }) => fanCount)).toEqual([0, 1])
  })
})

describe('items and lists of rows', () => {
  const rows = { by: 'shop_id', key: bigint('id') }
  const view = defineView({
    name: 'shop-visits',
    key: { shopId: 'bigint' },
    row: from('shops', { key: 'id', fields: {} }),
    aggregates: {
      guests: topOf('visits', { by: 'shop_id', item: { guestId: bigint('guest') }, most: 2 }),
      latest: latestOf('visits', {
        ...rows,
        order: date('day'),
        most: 2,
        fields: { id: bigint('id'), day: date('day') },
      }),
      lastDay: maxOf('visits', { ...rows, of: date('day') }),
    },
  })

  test('follow the rows that come, change, move and go', async () => {
    const visits = viewTest(view, { tables: { visits: { key: 'id' } } })
    visits.insert('shops', { id: 1 })
    const nothing = { shopId: '1', guests: [], latest: [], lastDay: null }
    expect(await visits.entry(1)).toEqual(nothing)
    const days = ['2026-01-02', '2026-01-09', '2026-01-10', null]
    for (const [at, day] of days.entries())
      visits.insert('visits', { id: at + 1, shop_id: 1, guest: at % 2, day })
    visits.update('visits', { id: 3 }, { guest: 7 })
    expect(await visits.entry(1)).toEqual({
      shopId: '1',
      guests: [
        { guestId: '1', count: 2 },
        { guestId: '0', count: 1 },
      ],
      latest: [
        { id: '3', day: '2026-01-10' },
        { id: '2', day: '2026-01-09' },
      ],
      lastDay: '2026-01-10',
    })
    visits.update('visits', { id: 3 }, { shop_id: 2 })
    visits.delete('visits', { id: 2 })
    expect(await visits.entry(1)).toMatchObject({
      latest: [{ id: '1', day: '2026-01-02' }],
      lastDay: '2026-01-02',
    })
    for (const id of [1, 3, 4]) visits.delete('visits', { id })
    expect(await visits.entry(1)).toEqual(nothing)
  })

  test('have rows by the whole primary key', () => {
    const other = () => viewTest(view, { tables: { visits: { key: ['shop_id', 'id'] } } })
    expect(other).toThrow(/key of latest, id, has to be the primary key of visits/)
  })
})

test('everything that is wrong with the options is said at once', () => {
  const wrong = { order: {}, orders: { key: 'id' }, shops: { key: 'city' } }
  expect(() => viewTest(shopOrders, { tables: wrong })).toThrow(
    /read a table order; did you mean orders\?.*has to be the primary key of shops.*key of fans has to be told/,
  )
})

test('tables are named as in declarations, quoted or not', async () => {
  const view = defineView({
    name: 'far',
    key: { id: 'integer' },
    row: from('sales."v1.shops"', { key: 'id', fields: { tags: jsonb('tags') } }),
  })
  const far = viewTest(view, { tables: { '"sales"."v1.shops"': { key: 'id' } } })
  far.insert('"sales"."v1.shops"', { id: 1, tags: { b: [1.5], a: null } })
  expect(await far.entry(1)).toEqual({ id: 1, tags: { a: null, b: [1.5] } })
})

test('ten thousand rows are no matter', async () => {
  const shops = shop()
  shops.insert('shops', { id: 1 })
  for (let id = 0; id < 10_000; id += 1) shops.insert('orders', { id, shop_id: id % 2_000 })
  expect(await shops.entry(1)).toMatchObject({ orderCount: 5 })
})
