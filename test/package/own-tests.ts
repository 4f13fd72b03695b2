/** Files of a project that tests a view of its own. */
import { stripTypeScriptTypes } from 'node:module'

/** A view of a shop, as the text of a module that has imported what it takes. */
export const shopOrders = `
const shopOrders: View = defineView({
  name: 'shop-orders',
  key: { shopId: 'bigint' },
  row: from('shops', {
    key: 'id',
    fields: { city: 'city', ownerId: bigint('owner'), openedAt: timestamptz('opened_at') },
  }),
  aggregates: { orderCount: countOf('orders', { by: 'shop_id' }) },
})
`

const imports = `
import { bigint, countOf, defineView, from, timestamptz, type View } from 'millrace'
`

const tests = `
import { deepEqual, rejects, throws } from 'node:assert/strict'
import { viewTest, type EntryJson, type Generated } from 'millrace/test'

const tables = { orders: { key: 'id' } }

test('orders are counted', async () => {
  const shops = viewTest(shopOrders, { tables })
  shops.insert('shops', { id: 1, city: 'Bern', opened_at: new Date(0) })
  shops.transaction(() => shops.insert('orders', { id: 7, shop_id: 1 }, { id: 8, shop_id: 1n }))
  shops.delete('orders', { id: 7 })
  const entry: EntryJson | undefined = await shops.entry(1)
  const openedAt = '1970-01-01T00:00:00.000000Z'
  deepEqual(entry, { shopId: '1', city: 'Bern', ownerId: null, openedAt, orderCount: 1 })
  throws(() => shops.insert('shops', { id: 2, citi: 'Bern' }), /did you mean city/)
})

test('generated changes agree', async () => {
  const postgres = process.env['SHOP_DATABASE']
  const done: Generated = await viewTest(shopOrders, { tables }).generated({ seed: 1, postgres })
  deepEqual(done.seed, 1)
  const poor = { orders: { key: 'id', replicaIdentity: 'default' } } as const
  await rejects(viewTest(shopOrders, { tables: poor }).generated({ seed: 1 }), /seed: 1/)
})
`

/** In one file, with types, for the test runner of Node. */
export const nodeTest = `import { test } from 'node:test'${imports}${shopOrders}${tests}`

/** The same without types, for a runner that gives `test` to all files. */
export const plainTest = stripTypeScriptTypes(`${imports}${shopOrders}${tests}`)
