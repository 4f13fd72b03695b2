import { parseArguments } from '../../src/arguments.ts'
import { trafficCommand, trafficOptionsOf } from '../../src/traffic/arguments.ts'

const optionsOf = (args: readonly string[]) =>
  trafficOptionsOf(parseArguments(args, trafficCommand))

test.each([
  [['--users', 'many'], '--users is a whole number'],
  [['--rate', '0'], '--rate is a whole number from 1'],
  [['--seed', '-1'], '--seed needs a value'],
  [['--for', 'ever'], '--for is a duration'],
  [['--speed', '9'], 'there is no option --speed; did you mean --seed?'],
  [['60s'], "'60s' is more than it takes"],
])('%j is refused with what is wrong and the usage', (args, wrong) => {
  expect(() => optionsOf(args)).toThrow(
    expect.objectContaining({
      code: 'arguments',
      message: expect.stringContaining(wrong),
      hint: expect.stringContaining('usage: millrace traffic'),
    }),
  )
})

test('without any, there are defaults', () => {
  expect(optionsOf(['--source', 'postgres://x', '--for', '60s'])).toEqual({
    users: 10_000,
    rate: 500,
    forMs: 60_000,
    seed: 1,
    connections: 4,
    source: 'postgres://x',
  })
})
