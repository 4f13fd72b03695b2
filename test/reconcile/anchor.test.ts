import { anchorOf, passageOf } from '../../src/reconcile/anchor.ts'
import { parseSnapshot, parseTransactionId } from '../../src/transaction.ts'
import { aBarrier } from '../store/store-fixture.ts'

/** Its marker's transaction saw all before it, but those that are given as open. */
const barrier = (number: number, id: number, history = '7/1', open = '') =>
  aBarrier('0/8', 10, {
    number,
    history,
    transaction: parseTransactionId(`${id}`),
    snapshot: parseSnapshot(`${open.split(',')[0] || id}:${id}:${open}`),
  })

const barriers = [
  barrier(1, 100),
  barrier(2, 110),
  barrier(3, 120, '6/1'),
  barrier(4, 120),
  barrier(5, 130),
]

test.each([
  [99, undefined],
  [100, undefined],
  [101, 1],
  [110, 1],
  [111, 2],
  [120, 2],
  [121, 4],
  [999, 5],
])('of a horizon of %i the anchor is barrier %p', (id, number) => {
  const horizon = parseTransactionId(`${id}`)
  expect(anchorOf({ history: '7/1', horizon }, barriers)?.number).toBe(number)
})

test.each([
  ['90:90:', 1],
  ['100:100:', 1],
  ['101:101:', 2],
  ['120:120:', 4],
  ['121:121:', 5],
  ['130:130:', 5],
  ['131:131:', undefined],
])('of snapshot %s the passage is barrier %p', (text, number) => {
  expect(passageOf({ history: '7/1', snapshot: parseSnapshot(text) }, barriers)?.number).toBe(
    number,
  )
})

test('the passage saw itself all that the snapshot sees', () => {
  const open = [barrier(1, 100, '7/1', '95'), barrier(2, 110, '7/1', '95,105'), barrier(3, 120)]
  const passage = (text: string) =>
    passageOf({ history: '7/1', snapshot: parseSnapshot(text) }, open)?.number
  expect(passage('95:97:95')).toBe(1)
  expect(passage('97:97:')).toBe(3)
  expect(passage('95:105:95')).toBe(2)
  expect(passage('95:106:95')).toBe(3)
})

test('barriers of another history are none', () => {
  const horizon = parseTransactionId('999')
  expect(anchorOf({ history: '7/2', horizon }, barriers)).toBeUndefined()
  expect(passageOf({ history: '7/2', snapshot: parseSnapshot('1:1:') }, barriers)).toBeUndefined()
  expect(anchorOf({ history: '6/1', horizon }, barriers)?.number).toBe(3)
  expect(passageOf({ history: '6/1', snapshot: parseSnapshot('1:1:') }, barriers)?.number).toBe(3)
})
