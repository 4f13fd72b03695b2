import { parseTrafficArgs } from '../../src/traffic/arguments.ts'

test.each([
  ['500ms', 500],
  ['60s', 60_000],
  ['1.5s', 1_500],
  ['5m', 300_000],
  ['1h', 3_600_000],
])('%s is a duration', (text, ms) => {
  expect(parseTrafficArgs(['--source', 'x', `--for=${text}`]).forMs).toBe(ms)
})

test.each(['', '60', 's', '-1s', '0s', '1e3s', '60 s', '1d', '9999999h'])(
  '%j is no duration',
  (text) => {
    expect(() => parseTrafficArgs([`--for=${text}`])).toThrow('duration like')
  },
)

test.each([
  [['--users', 'many'], '--users is a whole number'],
  [['--rate', '0'], '--rate is a whole number from 1'],
  [['--seed', '-1'], 'argument is ambiguous'],
  [['--for', 'ever'], '--for is a duration'],
  [['--speed', '9'], "Unknown option '--speed'"],
  [['60s'], 'Unexpected argument'],
])('%j is refused with what is wrong and the usage', (args, wrong) => {
  expect(() => parseTrafficArgs(args)).toThrow(
    expect.objectContaining({
      code: 'arguments',
      message: expect.stringContaining(wrong),
      hint: expect.stringContaining('usage: npm run traffic'),
    }),
  )
})

test('without any, there are defaults', () => {
  expect(parseTrafficArgs(['--source', 'postgres://x', '--for', '60s'])).toEqual({
    users: 10_000,
    rate: 500,
    forMs: 60_000,
    seed: 1,
    connections: 4,
    source: 'postgres://x',
  })
})
