/** What every aggregate has to hold to, whatever it says: taken from the index, each by itself. */
import type { StreamedChange } from '../../src/change.ts'
import { KeptView } from '../../src/kit/kept-view.ts'
import { RandomChanges } from '../../src/kit/random-changes.ts'
import { recounted } from '../../src/kit/recount.ts'
import { TestRows, tablesOfTest } from '../../src/kit/rows.ts'
import { differencesOf } from '../../src/kit/differences.ts'
import type { Mutation } from '../../src/mutation.ts'
import { Random } from '../../src/random.ts'
import aggregateForms from '../../src/view/aggregates/index.ts'
import { consolidator, merge } from '../../src/view/consolidate.ts'
import { decodeView, encodeView } from '../../src/view/declarations.ts'
import { defineView, from } from '../../src/view/define-view.ts'
import { fold } from '../../src/view/fold.ts'
import { jsonSchemaOf, toJson } from '../../src/view/json.ts'
import type { View } from '../../src/view/view.ts'
import { everyAggregate, everyTables } from '../support/every-aggregate.ts'

test('there is a declaration of every aggregate in the index', () => {
  expect(Object.keys(everyAggregate).toSorted()).toEqual(Object.keys(aggregateForms).toSorted())
})

/** Changes of rows as a log tells them, and the rows that they end with. */
function historyOf(view: View, seed: number) {
  const tables = tablesOfTest(view, everyTables)
  const random = new Random(seed)
  const rows = new TestRows(view, tables)
  const changes = new RandomChanges({ view, tables, random })
  const history: StreamedChange[] = []
  for (let at = 0; at < 250; at += 1) {
    const change = changes.next(rows)
    const { name } = change.table
    if (change.kind === 'insert') history.push(...rows.insert(name, change.values))
    if (change.kind === 'update') history.push(...rows.update(name, change.key, change.values))
    if (change.kind === 'delete') history.push(...rows.delete(name, change.key))
  }
  return { history, rows, random }
}

function contributionsOf(view: View, change: StreamedChange): readonly Mutation[] {
  const folded = fold(view, change)
  if (folded.kind === 'unusable') throw new Error(folded.reason)
  return folded.contributions
}

describe.each(Object.keys(aggregateForms))('%s', (kind) => {
  const view = defineView({
    name: 'shops',
    key: { shop: 'integer' },
    row: from('shops', { key: 'id', fields: {} }),
    aggregates: everyAggregate[kind]!,
  })
  const { history, rows, random } = historyOf(view, 7)
  const contributions = history.flatMap((change) => contributionsOf(view, change))

  test('adds up to what its last rows are, in any batches', async () => {
    const truth = recounted(view, (table) => rows.of(table))
    expect(truth.size).toBeGreaterThan(3)
    for (const sizes of [[1], [contributions.length], [3, 1, 40, 7]]) {
      const kept = new KeptView(view)
      for (let at = 0, turn = 0; at < contributions.length; turn += 1) {
        const size = sizes[turn % sizes.length]!
        kept.take(contributions.slice(at, at + size))
        at += size
        if (turn % 10 === 0) await kept.keys()
      }
      const texts = await kept.texts()
      expect(differencesOf(view, texts, { truth: 'a count', texts: truth })).toBeUndefined()
    }
  })

  test('merges without regard to brackets', () => {
    const byEntry = Map.groupBy(contributions, ({ entry }) => entry)
    for (const some of byEntry.values()) {
      for (let at = 0; at + 2 < some.length; at += 3) {
        const [a, b, c] = some.slice(at, at + 3) as [Mutation, Mutation, Mutation]
        expect(merge(merge(a, b), c)).toEqual(merge(a, merge(b, c)))
      }
    }
  })

  test('takes back with a row all that the row gave', () => {
    for (const row of rows.of('sales')) {
      const key = { id: row['id']!, part: row['part']! }
      const common = { table: 'sales', key, lsn: history[0]!.lsn, transaction: 1 }
      const other = { ...random.pick(rows.of('sales')), ...key }
      const batch = consolidator()
      for (const change of [
        { kind: 'insert', ...common, after: other },
        { kind: 'update', ...common, before: other, after: row },
        { kind: 'delete', ...common, before: row },
      ] as const) {
        batch.add(contributionsOf(view, change))
      }
      expect(batch.take()).toEqual([])
    }
  })

  test('is shown as its schema says, also of an entry that has nothing', async () => {
    const kept = new KeptView(view)
    kept.take(contributions)
    const found = await kept.read([...(await kept.keys()), '424242'])
    const bare = { key: '1', fields: {}, counts: {} }
    const { properties } = jsonSchemaOf(view)
    for (const entry of [bare, ...found.flatMap((each) => each ?? [])]) {
      const json = toJson(view, entry)
      expect(Object.keys(json)).toEqual(Object.keys(properties))
      expect(JSON.parse(JSON.stringify(json))).toEqual(json)
    }
    for (const name of Object.keys(everyAggregate[kind]!)) expect(properties).toHaveProperty(name)
  })

  test('comes back from its declaration, and is folded the same', () => {
    const again = decodeView(encodeView(view))
    expect(history.flatMap((change) => contributionsOf(again, change))).toEqual(contributions)
  })

  test('gives nothing for a change that leaves out the earlier values', () => {
    const [row] = rows.of('sales')
    const key = { id: row!['id']!, part: row!['part']! }
    const change = { kind: 'delete', table: 'sales', key, lsn: history[0]!.lsn } as const
    const folded = fold(view, { ...change, transaction: 1, before: undefined })
    expect(folded.kind).toBe('unusable')
  })
})
