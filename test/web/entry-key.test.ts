import { countOf, defineView, from } from '../../src/view/define-view.ts'
import { windowOf } from '../../src/view/window-of.ts'
import { userInformation } from '../../src/views/user-information.ts'
import { keyRule, parseKey, parseParts, spelledRule } from '../../src/web/entry-key.ts'

test('the start of a window is taken as it is told, and no other time', () => {
  const view = defineView({
    name: 'play',
    key: { session: 'bigint', start: windowOf('timestamptz', '5 minutes') },
    aggregates: { clicks: countOf('clicks', { by: ['session', 'at'] }) },
  })
  const start = '2026-11-21T10:15:00.000000Z'
  expect(parseParts(view, ['1', start])).toBe(String.raw`1:2026-11-21T10\:15\:00.000000Z`)
  expect(parseKey(view, String.raw`1:2026-11-21T10\:15\:00.000000Z`)).toBe(
    parseParts(view, ['1', start]),
  )
  for (const other of ['2026-11-21T10:16:00.000000Z', '2026-11-21T10:15:00Z', 'infinity', '']) {
    expect(parseParts(view, ['1', other])).toBeUndefined()
  }
  expect(keyRule(view)).toMatch(
    /start is the start of a window of 5 minutes, one of which begins with 1970, like 2000-01-01T00:00:00\.000000Z\./,
  )
})

describe('the id of a user in a path', () => {
  test.each([
    '0',
    '1',
    '-5',
    '42',
    '9007199254740992',
    '9007199254740993',
    '9223372036854775807',
    '-9223372036854775808',
  ])('%s stays what it is', (text) => {
    expect(parseKey(userInformation, text)).toBe(text)
  })

  test.each([
    '',
    '-0',
    '01',
    '-01',
    '+1',
    '1e3',
    '1.0',
    '0x1',
    ' 1',
    '1 ',
    '1\n',
    '-',
    '{x}',
    'null',
    '१२३',
    '１',
    '9223372036854775808',
    '-9223372036854775809',
    '12345678901234567890',
    '1_000',
  ])('%j is none', (text) => {
    expect(parseKey(userInformation, text)).toBeUndefined()
  })
})

describe('a key of several parts', () => {
  const orders = defineView({
    name: 'orders',
    key: { shop: 'text', number: 'integer', day: 'date', id: 'uuid' },
    row: from('orders', { key: ['shop', 'number', 'day', 'id'], fields: {} }),
  })
  const id = '0b1c2d3e-0000-4000-8000-000000000001'

  test('is spelled with colons between its parts, wherever they stood', () => {
    const key = String.raw`e\:u:-7:2026-01-31:${id}`
    expect(parseParts(orders, ['e:u', '-7', '2026-01-31', id])).toBe(key)
    expect(parseKey(orders, key)).toBe(key)
  })

  test.each([
    [['eu', '7', '2026-01-31']],
    [['eu', '07', '2026-01-31', id]],
    [['eu', '2147483648', '2026-01-31', id]],
    [['eu', '7', '2026-02-30', id]],
    [['eu', '7', '2026-01-31', id.toUpperCase()]],
    [['e\0', '7', '2026-01-31', id]],
  ])('%j are none', (parts) => {
    expect(parseParts(orders, parts)).toBeUndefined()
    expect(parseKey(orders, parts.join(':'))).toBeUndefined()
  })

  test('is none where it is spelled in another way', () => {
    expect(parseKey(orders, `e\\u:7:2026-01-31:${id}`)).toBeUndefined()
    expect(parseKey(orders, `eu:7:2026-01-31:${id}:`)).toBeUndefined()
  })

  test('is described by its parts and their types', () => {
    expect(keyRule(orders)).toContain('number is the plain decimal form of a 32-bit signed integer')
    expect(spelledRule(orders)).toMatch(/^A key is shop:number:day:id, /)
  })
})
