import { parseSimulationArgs } from './arguments.ts'

test('without any, there are defaults', () => {
  expect(parseSimulationArgs([])).toEqual({ schedules: 1_000, seed: 1, trace: false })
})

test('each is taken', () => {
  const given = ['--schedules', '5000', '--trace', '--seed=77']
  expect(parseSimulationArgs(given)).toEqual({ schedules: 5_000, seed: 77, trace: true })
})

test.each([
  [['--schedules', 'many'], '--schedules is a whole number from 1'],
  [['--schedules', '0'], '--schedules is a whole number from 1'],
  [['--schedules', '1.5'], '--schedules is a whole number from 1'],
  [['--schedules'], "'--schedules <value>' argument missing"],
  [['--seed', 'x'], '--seed is a whole number from 0'],
  [['--seed', '-1'], 'argument is ambiguous'],
  [['--trace', '--trace'], '--trace is given twice'],
  [['--trace=yes'], "Unknown option '--trace'"],
  [['--faults', '9'], "Unknown option '--faults'"],
  [['1000'], 'Unexpected argument'],
])('%j is refused with what is wrong and the usage', (args, wrong) => {
  expect(() => parseSimulationArgs(args)).toThrow(
    expect.objectContaining({
      code: 'arguments',
      message: expect.stringContaining(wrong),
      hint: expect.stringContaining('usage: npm run test:simulation'),
    }),
  )
})
