import type { Row, StreamedChange } from '../../src/change.ts'
import { bigint, integer, numeric, timestamptz } from '../../src/types/declare.ts'
import { countsOf } from '../../src/view/aggregates/counts-of.ts'
import { latestOf } from '../../src/view/aggregates/latest-of.ts'
import { maxOf } from '../../src/view/aggregates/max-of.ts'
import { topOf } from '../../src/view/aggregates/top-of.ts'
import { gt } from '../../src/view/condition.ts'
import { consolidator } from '../../src/view/consolidate.ts'
import { defineView, from } from '../../src/view/define-view.ts'
import { fold } from '../../src/view/fold.ts'
import { itemOf, textsOf } from '../../src/view/item.ts'
import { insert, remove, update } from '../support/builders.ts'

const rows = { by: 'user_id' }
const view = defineView({
  name: 'listeners',
  key: { userId: 'bigint' },
  row: from('users', { key: 'id', fields: {} }),
  aggregates: {
    artists: topOf('listens', { ...rows, item: bigint('artist'), most: 2 }),
    genres: countsOf('listens', {
      ...rows,
      item: { country: 'country', genre: 'genre' },
      where: [gt(integer('ms'), 1000)],
    }),
    recent: latestOf('listens', {
      ...rows,
      order: timestamptz('at'),
      key: bigint('id'),
      most: 2,
      fields: { id: bigint('id'), genre: 'genre' },
    }),
    dearest: maxOf('listens', { ...rows, of: numeric('paid'), scale: 2, key: bigint('id') }),
  },
})

const row = (more: Row = {}): Row => ({
  id: 7n,
  user_id: 1n,
  artist: 42n,
  country: 'no:way',
  genre: 'folk',
  ms: 2000n,
  at: '1970-01-01T00:00:00.000000Z',
  paid: '1.50',
  ...more,
})
const key = { id: 7n }

/** What the change adds: tally, item, amount. */
function given(change: StreamedChange): readonly (readonly [string, string, number])[] {
  const folded = fold(view, change)
  if (folded.kind === 'unusable') throw new Error(folded.reason)
  const batch = consolidator()
  batch.add(folded.contributions)
  return batch.take().flatMap(({ entry, add, put, cells = new Map() }) => {
    expect({ add, put }).toEqual({ add: {}, put: undefined })
    return [...cells].flatMap(([tally, items]) =>
      [...(items as Map<string, bigint>)].map(
        ([item, amount]) => [`${entry} ${tally}`, item, Number(amount)] as const,
      ),
    )
  })
}

const at0 = '0210866803200000001'
const recent = (genre: string | null, at = at0) =>
  JSON.stringify([at, '09223372036854775816', genre])
const dearest = '["1000000000000000150","09223372036854775816"]'

describe('a row', () => {
  test('adds 1 to the item of its values, and to an item of its own', () => {
    expect(given(insert('listens', key, row()))).toEqual([
      ['1 artists', '42', 1],
      ['1 genres', 'no\\:way:folk', 1],
      ['1 recent', recent('folk'), 1],
      ['1 dearest', dearest, 1],
    ])
  })

  test('takes it back when it goes', () => {
    expect(given(remove('listens', key, row()))).toEqual([
      ['1 artists', '42', -1],
      ['1 genres', 'no\\:way:folk', -1],
      ['1 recent', recent('folk'), -1],
      ['1 dearest', dearest, -1],
    ])
  })

  test('gives nothing for a null item or order, or outside of the condition', () => {
    const nothing = { artist: null, ms: 999n, at: null, paid: null }
    expect(given(insert('listens', key, row(nothing)))).toEqual([])
    expect(given(insert('listens', key, row({ ...nothing, ms: 5000n, genre: null })))).toEqual([])
    expect(given(insert('listens', key, row({ user_id: null })))).toEqual([])
  })

  test('gives its fields, null as well', () => {
    const change = insert('listens', key, row({ genre: null, artist: null, paid: null }))
    expect(given(change)).toEqual([['1 recent', recent(null), 1]])
  })

  test('moves from item to item, and gives nothing where nothing of it changed', () => {
    const before = row()
    expect(given(update('listens', key, { before, after: row() }))).toEqual([])
    expect(given(update('listens', key, { before, after: row({ ms: 3000n }) }))).toEqual([])
    const after = row({ genre: 'rock', artist: 43n })
    expect(given(update('listens', key, { before, after }))).toEqual([
      ['1 artists', '42', -1],
      ['1 artists', '43', 1],
      ['1 genres', 'no\\:way:folk', -1],
      ['1 genres', 'no\\:way:rock', 1],
      ['1 recent', recent('folk'), -1],
      ['1 recent', recent('rock'), 1],
    ])
  })

  test('moves from entry to entry with all that it gives', () => {
    const moved = given(update('listens', key, { before: row(), after: row({ user_id: 2n }) }))
    expect(moved).toHaveLength(8)
    expect(moved.filter(([, , amount]) => amount < 0).map(([place]) => place[0])).toEqual(
      '1111'.split(''),
    )
  })

  test.each(['NaN', 'Infinity', '1.234', '99999999999999999.00'])(
    'that is ordered by %s is unusable, before and after',
    (paid) => {
      const changes = [
        insert('listens', key, row({ paid })),
        update('listens', key, { before: row({ paid }), after: row() }),
        remove('listens', key, row({ paid })),
      ]
      for (const change of changes) {
        expect(fold(view, change)).toEqual({
          kind: 'unusable',
          reason: `${change.kind} of listens has ${paid}, which view listeners can't keep`,
        })
      }
    },
  )

  test('whose earlier values are not told is unusable', () => {
    const told = { id: 7n, user_id: 1n, artist: 42n }
    expect(fold(view, remove('listens', key, told))).toMatchObject({ kind: 'unusable' })
    expect(fold(view, update('listens', key, { after: row() }))).toMatchObject({
      kind: 'unusable',
      reason: expect.stringContaining('without the earlier value of user_id') as string,
    })
  })
})

describe('an item', () => {
  const { item } = view.tallies[2]!

  test('is read again as the texts that it was spelled of', () => {
    const { item: values } = view.tallies[1]!
    expect(textsOf(values, itemOf(values, ['a:\\b', '']) as string)).toEqual(['a:\\b', ''])
    const texts = ['-infinity', '-9223372036854775808', 'a"\\\n😀']
    expect(textsOf(item, itemOf(item, texts) as string)).toEqual(texts)
  })

  test.each(['', 'x', '{}', '[]', '[1,2,3]', '["a","b","c"]', '[null,"1","x"]', '["1",null,"x"]'])(
    'is not %s',
    (text) => {
      expect(textsOf(item, text)).toBeUndefined()
    },
  )
})
