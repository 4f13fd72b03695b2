import { statusText, type StoredStatus } from '../../src/roles/status-text.ts'

const serving: StoredStatus = {
  name: 'shop-orders',
  store: 'redis',
  failure: null,
  refused: null,
  phase: 'serving',
  declarations: [],
  epoch: 'e',
  watermark: '0/16B3748',
  ageMs: 640,
  doubts: [],
  pass: {
    lap: 3,
    kind: 'steady',
    section: 'rows',
    entries: 12,
    started: '2026-01-02T03:04:05.000Z',
    unproved: [],
    last: {
      kind: 'steady',
      ended: '2026-01-02T03:04:05.000Z',
      ageMs: 3 * 3_600_000 + 59 * 60_000,
      tookMs: 900,
      entries: 4_812,
      unproved: [],
    },
  },
  looks: {
    looks: 9,
    entries: 14_436,
    wrong: 0,
    letGo: 0,
    healed: 0,
    nines: { hour: 3.7, day: 4.16 },
    latest: [],
  },
  keptFrom: null,
  parked: 2,
  problems: [],
  slot: null,
  evicted: null,
  askedMsAgo: 0,
}

const unknown: StoredStatus = {
  ...serving,
  store: 'postgres',
  failure: 'connection refused',
  phase: 'unknown',
  watermark: null,
  ageMs: null,
  pass: null,
  looks: null,
  parked: null,
}

test('each view has a line for each store, in columns', () => {
  expect(statusText([serving, { ...unknown, failure: null }]).split('\n')).toEqual([
    'view         store     phase    watermark  age     entries  doubts  parked  last pass  nines',
    'shop-orders  redis     serving  0/16B3748  640 ms     4812       0       2  3 h ago      4.2',
    'shop-orders  postgres  unknown  -          -             -       -       -  -              -',
  ])
})

test('five views of one store fit into 100 columns, one of them being built', () => {
  const wide = { ...serving, watermark: '1A6/B374D848', ageMs: 1_999, parked: 1_000 }
  const building: StoredStatus = {
    ...wide,
    phase: 'building',
    watermark: null,
    ageMs: null,
    pass: { ...serving.pass!, entries: 3_204_112, last: null },
    looks: null,
  }
  const names = ['orders-by-shop', 'shop-orders', 'stock', 'user-information', 'visits']
  const text = statusText(names.map((name, at) => ({ ...(at === 2 ? building : wide), name })))
  expect(text.split('\n')).toEqual([
    'view              phase     watermark     age      entries  doubts  parked  last pass  nines',
    'orders-by-shop    serving   1A6/B374D848  1999 ms     4812       0    1000  3 h ago      4.2',
    'shop-orders       serving   1A6/B374D848  1999 ms     4812       0    1000  3 h ago      4.2',
    'stock             building  -             -        3204112       0    1000  -              -',
    'user-information  serving   1A6/B374D848  1999 ms     4812       0    1000  3 h ago      4.2',
    'visits            serving   1A6/B374D848  1999 ms     4812       0    1000  3 h ago      4.2',
  ])
  expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100)
})

test.each([
  [0, '0 ms'],
  [1_999, '1999 ms'],
  [2_000, '2 s'],
  [119_999, '119 s'],
  [120_000, '2 min'],
  [7_200_000, '2 h'],
  [172_800_000, '2 d'],
])('an age of %d ms is %s', (ageMs, shown) => {
  const [, line = ''] = statusText([{ ...serving, ageMs }]).split('\n')
  expect(line.split(/ {2,}/)[3]).toBe(shown)
})

test('what wants attention is said beneath, with what to do', () => {
  const since = '2026-01-02T03:04:05.000Z'
  const doubted: StoredStatus = {
    ...serving,
    refused: 'nobody has applied the declaration',
    doubts: [{ code: 'c', reason: 'orders was truncated', hint: 'Wait.', since, tables: [] }],
    problems: [{ place: 'orders-0', code: 'c', message: 'a column is gone', hint: null, since }],
  }
  expect(statusText([doubted, unknown]).split('\n').slice(3)).toEqual([
    '',
    'shop-orders in redis: nobody has applied the declaration',
    `shop-orders in redis: in doubt since ${since}: orders was truncated. Wait.`,
    `shop-orders in redis: orders-0 stands still since ${since}: a column is gone`,
    "shop-orders in postgres: can't be asked: connection refused",
  ])
})

test('what several views have to say alike is said once, with the earliest time', () => {
  const troubled = (name: string, since: string): StoredStatus => ({
    ...serving,
    name,
    problems: [{ place: 'connector', code: 'c', message: 'no slot', hint: 'Make one.', since }],
  })
  const statuses = [
    troubled('orders', '2026-01-02T03:04:06.000Z'),
    troubled('stock', '2026-01-02T03:04:05.000Z'),
    { ...troubled('stock', '2026-01-02T03:04:07.000Z'), store: 'postgres' },
  ]
  expect(statusText(statuses).split('\n').slice(5)).toEqual([
    'orders, stock in redis: connector stands still since 2026-01-02T03:04:05.000Z: no slot. Make one.',
    'stock in postgres: connector stands still since 2026-01-02T03:04:07.000Z: no slot. Make one.',
  ])
})
