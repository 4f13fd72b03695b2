import { compareKeys, inOrder } from '../../src/view/truth-keys.ts'
import { defineView, from } from '../../src/view/define-view.ts'

test('parts are compared one after another, as what they are', () => {
  expect(compareKeys([{ type: 'text' }, { type: 'integer' }], 'eu:9', 'eu:10')).toBeLessThan(0)
  expect(compareKeys([{ type: 'text' }, { type: 'integer' }], 'eu:9', 'us:1')).toBeLessThan(0)
  expect(compareKeys([{ type: 'text' }, { type: 'integer' }], 'eu:9', 'eu:9')).toBe(0)
  expect(
    compareKeys([{ type: 'date' }, { type: 'text' }], '-0043-03-15:a', '0001-01-01:a'),
  ).toBeLessThan(0)
})

test('a part whose order no index can have decides last, so that pages need no sorting', () => {
  expect(compareKeys([{ type: 'enum' }, { type: 'bigint' }], 'b:1', 'a:2')).toBeLessThan(0)
  expect(compareKeys([{ type: 'enum' }, { type: 'bigint' }], 'b:1', 'a:1')).toBeGreaterThan(0)
  const view = defineView({
    name: 'orders',
    key: { kind: 'enum', shop: 'text', number: 'integer' },
    row: from('orders', { key: ['kind', 'shop', 'number'], fields: {} }),
  })
  expect(inOrder(view, ['kind', 'shop', 'number'])).toEqual(['shop', 'number', 'kind'])
})
