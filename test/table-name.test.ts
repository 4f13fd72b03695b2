import { canonicalTable, parseTable } from '../src/table-name.ts'

test.each([
  ['orders', 'public', 'orders', 'orders'],
  ['public.orders', 'public', 'orders', 'orders'],
  ['Odd orders', 'public', 'Odd orders', 'Odd orders'],
  ['sales.orders', 'sales', 'orders', 'sales.orders'],
  ['"sales"."orders"', 'sales', 'orders', 'sales.orders'],
  ['sales."v1.orders"', 'sales', 'v1.orders', 'sales."v1.orders"'],
  ['"a""b".c', 'a"b', 'c', '"a""b".c'],
  ['"Public".c', 'Public', 'c', 'Public.c'],
])('%s is of schema %s, named %s, and always spelled %s', (text, schema, name, canonical) => {
  expect(parseTable(text)).toEqual({ schema, name })
  expect(canonicalTable(text)).toBe(canonical)
  expect(canonicalTable(canonical)).toBe(canonical)
})

test.each(['', '.', 'a.', '.a', 'a.b.c', 'a"b', '"a', '""', '"a"b'])(
  '%p names no table',
  (text) => {
    expect(parseTable(text)).toBeUndefined()
    expect(() => canonicalTable(text)).toThrow('names no table')
  },
)
