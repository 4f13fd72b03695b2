import playConfig from '../../examples/play/millrace.config.ts'
import { savedShare, writesAlone } from '../../src/bench/merging.ts'
import { pathTo } from '../../src/bench/example.ts'

test('a click adds to one number of each view, a page view to two', () => {
  expect(writesAlone(playConfig.views)).toBeCloseTo((7 * 2 + 3 * 4) / 10)
})

test('saved is what single changes would have written, and these have not', () => {
  expect(savedShare({ changes: 100, writes: 130, each: 2.6 })).toBeCloseTo(0.5)
  expect(savedShare({ changes: 100, writes: 260, each: 2.6 })).toBeCloseTo(0)
})

test('the path of an entry has the parts of its key, as a URL spells them', () => {
  const key = [
    { name: 'customerId', type: 'bigint' },
    { name: 'category', type: 'text' },
  ] as const
  expect(pathTo({ serve: '/orders/:customerId/:category', key }, '7:rock \\: roll')).toBe(
    '/orders/7/rock%20%3A%20roll',
  )
})
