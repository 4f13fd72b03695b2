import { countOf, defineView, from, numeric, type View } from '../../src/index.ts'
import { RandomChanges } from '../../src/kit/random-changes.ts'
import { TestRows, tablesOfTest } from '../../src/kit/rows.ts'
import { Random } from '../../src/random.ts'
import { differencesOf } from '../../src/kit/differences.ts'
import { viewTest } from '../../src/test.ts'
import { viewOf } from '../../src/view/view.ts'
import { everyTables, everyView } from '../support/every-aggregate.ts'
import { edgeView } from './every-type.ts'

/** Two counts of one table by columns outside of its key, and counts by several columns. */
const shops = defineView({
  name: 'shops',
  key: { region: 'text', number: 'integer' },
  row: from('shops', { key: ['region', 'number'], fields: { rent: numeric('rent') } }),
  aggregates: {
    sent: countOf('parcels', { by: ['from_region', 'from_number'] }),
    received: countOf('parcels', { by: ['to_region', 'to_number'] }),
    fans: countOf('fans', { by: ['region', 'number'] }),
  },
})
const tables = { parcels: { key: 'id' }, fans: { key: ['region', 'number', 'user_id'] } }

test('a seed decides what is done, and everything is done', async () => {
  const kit = viewTest(shops, { tables })
  const done = await kit.generated({ seed: 5, changes: 400 })
  expect(await kit.generated({ seed: 5, changes: 400 })).toEqual(done)
  expect(await kit.generated({ seed: 6, changes: 400 })).not.toEqual({ ...done, seed: 6 })
  const { inserts, updates, deletes, transactions, rolledBack, entries } = done
  expect(inserts + updates + deletes).toBeGreaterThanOrEqual(400)
  expect(Math.min(inserts, updates, deletes)).toBeGreaterThan(40)
  expect([rolledBack > 4, transactions > rolledBack * 4, entries > 1]).toEqual([true, true, true])
})

test('without a seed it is another run each time, over tables of its own', async () => {
  const kit = viewTest(shops, { tables })
  kit.insert('shops', { region: 'eu', number: 1 })
  const [one, other] = [await kit.generated(), await kit.generated()]
  expect(one.seed).not.toBe(other.seed)
  expect(await kit.entries()).toHaveLength(1)
})

test('rows move between entries and belong to none now and then', () => {
  const random = new Random(1)
  const all = tablesOfTest(shops, tables)
  const changes = new RandomChanges({ view: shops, tables: all, random })
  const rows = new TestRows(shops, all)
  const groups: unknown[] = []
  for (let at = 0; at < 500; at += 1) {
    const change = changes.next(rows)
    if (change.kind === 'insert') rows.insert(change.table.name, change.values)
    if (change.kind === 'update') rows.update(change.table.name, change.key, change.values)
    if (change.kind === 'delete') rows.delete(change.table.name, change.key)
    for (const row of rows.of('parcels')) groups.push(row['from_region'])
  }
  expect(new Set(groups).size).toBe(4)
  expect(groups).toContain(null)
})

test('a view with a field of every type is what its rows say', async () => {
  const done = await viewTest(edgeView).generated({ seed: 1, changes: 300 })
  expect(done.entries).toBeGreaterThan(0)
})

test('a view with every aggregate is what its rows say', async () => {
  // By chance none may be left at the end.
  const done = await viewTest(everyView, { tables: everyTables }).generated({ changes: 500 })
  expect(done.inserts).toBeGreaterThan(100)
})

/** A view whose fold counts by another column than its declaration says. */
function broken(view: View): View {
  const counts = view.counts.map((count) => {
    const by = [...count.by]
    const map = (use: (column: string, at: number) => unknown) => [use(by[1]!, 0), use(by[0]!, 1)]
    Object.assign(by, { map })
    return count.name === 'fans' ? { ...count, by } : count
  })
  return viewOf({ ...view, counts })
}

test('a view that is not what its rows say is told with the differences, the seed and the changes', async () => {
  const view = defineView({
    name: 'pairs',
    key: { a: 'integer', b: 'integer' },
    row: from('pairs', { key: ['a', 'b'], fields: {} }),
    aggregates: { fans: countOf('fans', { by: ['c', 'd'] }) },
  })
  const kit = viewTest(broken(view), { tables: { fans: { key: 'id' } } })
  // Of the two counts, only the one over the rows asks the columns in their order.
  await expect(kit.generated({ seed: 3 })).rejects.toThrow(
    /^generated changes of view pairs went wrong:\n {2}entry \S+: fans is \d, a count over the rows says \d\n[^]*after transaction \d+:\n {2}(insert|update|delete) [^]*\nAgain with generated\(\{ seed: 3, changes: 200 \}\)\.$/,
  )
})

test('a replica identity that gives too little is found', async () => {
  const poor = { ...tables, parcels: { key: 'id', replicaIdentity: 'default' as const } }
  await expect(viewTest(shops, { tables: poor }).generated({ seed: 1 })).rejects.toThrow(
    /without the earlier value of from_region/,
  )
})

test.each([
  [{ seed: -1 }, '-1 is no seed'],
  [{ seed: 0.5 }, '0.5 is no seed'],
  [{ changes: 0 }, '0 is no number of changes'],
])('%p is refused', async (options, said) => {
  await expect(viewTest(shops, { tables }).generated(options)).rejects.toThrow(said)
})

describe('differences', () => {
  const key = 'eu:1'
  const is = (text: string) => new Map([[key, text]])
  const words = (found: string | undefined, truth: string | undefined) =>
    differencesOf(shops, found === undefined ? new Map() : is(found), {
      truth: 'SQL',
      texts: truth === undefined ? new Map() : is(truth),
    })

  test('are told field by field, at most twenty of them', () => {
    expect(words('+2:eu1:13:1.5;1;0;0', '+2:eu1:1-;1;2;0')).toBe(
      '  entry eu:1: rent is "1.5", SQL says null\n  entry eu:1: received is 0, SQL says 2',
    )
    expect(words('+2:eu1:1-;0;0;0', undefined)).toBe(
      '  entry eu:1: its row is there, SQL says not there',
    )
    expect(words(undefined, '-;0;0;4')).toBe('  entry eu:1: fans is 0, SQL says 4')
    const many = new Map(Array.from({ length: 30 }, (_, at) => [`eu:${at}`, '-;0;0;1']))
    const all = differencesOf(shops, new Map(), { truth: 'SQL', texts: many })
    expect(all!.split('\n')).toHaveLength(21)
    expect(all).toMatch(/and 10 more$/)
  })

  test('there are none of what is equal, nor of an entry that is nothing', () => {
    expect(words('+2:eu1:1-;1;0;0', '+2:eu1:1-;1;0;0')).toBeUndefined()
    expect(words('-;0;0;0', undefined)).toBeUndefined()
  })
})
