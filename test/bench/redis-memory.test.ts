import { projection } from '../../src/bench/projection.ts'
import { bytesPerEntry, placeOf, sizeText } from '../../src/bench/redis-memory.ts'

test.each([
  ['listener:7', { view: 'listener', entry: '7', isTally: false }],
  ['listener.top-artists:7', { view: 'listener', entry: '7', isTally: true }],
  ['orders:7:dr.ama', { view: 'orders', entry: '7:dr.ama', isTally: false }],
  ['orders.last:7:drama', { view: 'orders', entry: '7:drama', isTally: true }],
  ['customer-orders:7', { view: 'customer-orders', entry: '7', isTally: false }],
  ['millrace:listener', undefined],
  ['millrace:listener:checkpoints', undefined],
  ['something', undefined],
])('of %s a view is known by its name before the colon', (key, place) => {
  expect(placeOf(key)).toEqual(place)
})

// Half of the entries and a quarter of the tallies were measured.
const size = {
  entries: { count: 100, measured: 50, bytes: 5_000 },
  tallies: { count: 400, measured: 100, bytes: 20_000 },
  items: 2_000,
  keys: [],
}

test('an entry takes what its hash and its share of the tallies take', () => {
  expect(bytesPerEntry(size)).toBe(100 + 4 * 200)
  expect(sizeText('orders', size)).toBe(
    'orders: 100 entries of 100 bytes; 400 tallies with 8000 items, of 10.0 bytes an item; ' +
      '900 bytes an entry with its tallies',
  )
})

test('a view without tallies says nothing of them', () => {
  const without = { ...size, tallies: { count: 0, measured: 0, bytes: 0 }, items: 0 }
  expect(sizeText('orders', without)).toBe('orders: 100 entries of 100 bytes')
  expect(bytesPerEntry(without)).toBe(100)
})

test('days of users are projected by bytes and keys of each', () => {
  const lines = projection(size)
  expect(lines[0]).toBe('user-day  900 bytes in 5.0 keys, with 20.00 values of each dimension')
  // 120 million times 900 bytes and 5 keys of 16 bytes.
  expect(lines[1]).toContain('120 million user-days, 600 million keys, 110 GiB')
  expect(lines[2]).toContain('1 servers with 128 GiB')
})
