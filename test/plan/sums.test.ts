import { sumNotes } from '../../src/plan/sums.ts'
import { bigint, integer, numeric } from '../../src/types/declare.ts'
import type { TypedColumn } from '../../src/types/declare.ts'
import { averageOf } from '../../src/view/aggregates/average-of.ts'
import { sumOf } from '../../src/view/aggregates/sum-of.ts'
import { defineView } from '../../src/view/define-view.ts'
import { setupFacts, tableFacts } from './facts.ts'

function notesOf(of: TypedColumn, scale: number, full: string): readonly string[] {
  const view = defineView({
    name: 'v',
    key: { shop: 'bigint' },
    aggregates: {
      sum: sumOf('items', { of, scale, by: 'shop' }),
      average: averageOf('items', { of, scale, digits: 2, by: 'shop' }),
    },
  })
  const plain = tableFacts(['id', 'shop', 'n'])
  const type = { name: full.replace(/\(.*/, ''), full, kind: 'b', element: null }
  const items = { ...plain, columns: { ...plain.columns, n: { ...plain.columns['n']!, type } } }
  return sumNotes(setupFacts({ items }), [view])
}

const note = (full: string, rows: number) => [
  `items: view v adds up n, of type ${full}, of which ${rows} rows can add up to more than 64 bits ` +
    'hold: the change that brings them there stops its partition',
]

test.each([
  ['bigint', bigint('n'), 0, 2],
  ['numeric(18,2)', numeric('n'), 2, 10],
  ['numeric(13,2)', numeric('n'), 2, 922_338],
  ['numeric(11,0)', numeric('n'), 2, 922_338],
])('plan tells of a column that few rows of leave 64 bits: %s', (full, of, scale, rows) => {
  expect(notesOf(of, scale, full)).toEqual(note(full, rows))
})

test.each([
  ['integer', integer('n'), 0],
  ['integer', bigint('n'), 0],
  ['numeric(12,2)', numeric('n'), 2],
  ['numeric(18,4)', numeric('n'), 2],
  ['numeric', numeric('n'), 2],
  ['text', numeric('n'), 2],
])('and not of %s', (full, of, scale) => {
  expect(notesOf(of, scale, full)).toEqual([])
})

test('nor of a table or a column that is not there', () => {
  const view = defineView({
    name: 'v',
    key: { shop: 'bigint' },
    aggregates: { sum: sumOf('items', { of: bigint('n'), by: 'shop' }) },
  })
  expect(sumNotes(setupFacts({}), [view])).toEqual([])
  expect(sumNotes(setupFacts({ items: tableFacts(['id', 'shop']) }), [view])).toEqual([])
})
