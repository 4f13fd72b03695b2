import * as fc from 'fast-check'
import {
  formatSnapshot,
  isAtLeast,
  parseSnapshot,
  parseTransactionId,
  sees,
} from '../src/transaction.ts'

const turn = 2n ** 32n

/** What the log gives of an id. */
const lower = (id: bigint) => Number(BigInt.asUintN(32, id))

describe('an id', () => {
  test.each(['0', '731', '18446744073709551615'])('is parsed from %s', (text) => {
    expect(parseTransactionId(text)).toBe(BigInt(text))
  })

  test.each(['', '-1', '1 ', ' 1', '1.0', 'x', '184467440737095516150'])('is no id: %p', (text) => {
    expect(() => parseTransactionId(text)).toThrow(`not a transaction id: '${text}'`)
  })
})

describe('a snapshot', () => {
  test.each([
    ['10:20:12,15', [12n, 15n]],
    ['10:10:', []],
    ['4294967290:4294967301:4294967295', [4294967295n]],
  ])('as Postgres writes it is read and written: %s', (text, inProgress) => {
    const [xmin, xmax] = text.split(':')
    const snapshot = parseSnapshot(text)
    expect(snapshot.xmin).toBe(BigInt(xmin!))
    expect(snapshot.xmax).toBe(BigInt(xmax!))
    expect([...snapshot.inProgress]).toEqual(inProgress)
    expect(formatSnapshot(snapshot)).toBe(text)
  })

  test.each(['', '1:2', '1:2:3:4', ':2:', '1:x:', ' 1:2:', '1:2:3 ', '1:2:a'])(
    'is no snapshot: %p',
    (text) => {
      expect(() => parseSnapshot(text)).toThrow(`not a snapshot: '${text}'`)
    },
  )

  test('sees what had ended when it was taken, and nothing else', () => {
    const snapshot = parseSnapshot('10:20:12,15')
    const seen = [0, 9, 10, 11, 12, 13, 15, 19, 20, 21].filter((id) => sees(snapshot, id))
    expect(seen).toEqual([0, 9, 10, 11, 13, 19])
  })

  test('tells ids of both sides of a turn of 32 bits from each other', () => {
    const xmin = 3n * turn - 3n
    const snapshot = parseSnapshot(`${xmin}:${3n * turn + 5n}:${3n * turn - 2n},${3n * turn}`)
    const ids = [-4n, -3n, -2n, -1n, 0n, 1n, 4n, 5n, 6n]
    const seen = ids.filter((id) => sees(snapshot, lower(3n * turn + id)))
    expect(seen).toEqual([-4n, -3n, -1n, 1n, 4n])
  })

  test('takes an id for the nearest one, before or behind', () => {
    const snapshot = parseSnapshot(`${4n * turn}:${4n * turn}:`)
    expect(sees(snapshot, 2 ** 31 - 1)).toBe(false)
    expect(sees(snapshot, 2 ** 31)).toBe(true)
    expect(sees(snapshot, 2 ** 32 - 1)).toBe(true)
  })

  test('of the first ids knows none before the first', () => {
    const snapshot = parseSnapshot('3:5:')
    expect(sees(snapshot, 0)).toBe(true)
    expect(sees(snapshot, 2 ** 32 - 1)).toBe(false)
  })

  test('sees by 32 bits what it sees by 64', () => {
    const id = fc.bigInt({ min: 0n, max: 2n ** 50n })
    const near = fc.bigInt({ min: -(2n ** 31n) + 1n, max: 2n ** 31n - 1n })
    const offsets = fc.array(fc.bigInt({ min: 0n, max: 20n }), { maxLength: 5 })
    fc.assert(
      fc.property(id, near, offsets, (xmin, distance, open) => {
        const xmax = xmin + 20n
        const inProgress = open.map((each) => xmin + each).filter((each) => each < xmax)
        const snapshot = parseSnapshot(`${xmin}:${xmax}:${inProgress.join(',')}`)
        const asked = xmax + distance
        fc.pre(asked >= 0n)
        const ended = asked < xmax && !inProgress.includes(asked)
        expect(sees(snapshot, lower(asked))).toBe(ended)
      }),
    )
  })
})

test('a snapshot is at least another one where it sees all that the other sees', () => {
  const earlier = parseSnapshot('10:20:12')
  const later = ['20:20:', '12:20:12', '12:25:12,20,24', '10:20:12'].map(parseSnapshot)
  expect(later.map((snapshot) => isAtLeast(snapshot, earlier))).toEqual([true, true, true, true])
  const lesser = ['19:19:', '11:25:11', '10:20:10,12', '12:25:12,19'].map(parseSnapshot)
  expect(lesser.map((snapshot) => isAtLeast(snapshot, earlier))).toEqual(lesser.map(() => false))
})
