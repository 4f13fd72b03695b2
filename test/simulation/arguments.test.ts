import { parseSimulationArgs } from './arguments.ts'

test('without any, there are defaults', () => {
  expect(parseSimulationArgs([])).toEqual({ schedules: 1_000, seed: 1, trace: false })
})

test('each is taken', () => {
  const given = ['--schedules', '5000', '--trace', '--seed=77', '--family', 'windows']
  const taken = { schedules: 5_000, seed: 77, family: 'windows', trace: true }
  expect(parseSimulationArgs(given)).toEqual(taken)
})

test.each([
  [['--schedules', 'many'], '--schedules is a whole number from 1'],
  [['--schedules', '0'], '--schedules is a whole number from 1'],
  [['--schedules', '1.5'], '--schedules is a whole number from 1'],
  [['--schedules'], '--schedules needs a value'],
  [['--seed', 'x'], '--seed is a whole number from 0'],
  [['--seed', '-1'], '--seed needs a value'],
  [['--trace', '--trace'], '--trace is given twice'],
  [['--trace=yes'], '--trace takes no value'],
  [['--family', 'trees'], 'there is no family trees'],
  [['--faults', '9'], 'there is no option --faults'],
  [['1000'], "'1000' is more than it takes"],
])('%j is refused with what is wrong and the usage', (args, wrong) => {
  expect(() => parseSimulationArgs(args)).toThrow(
    expect.objectContaining({
      code: 'arguments',
      message: expect.stringContaining(wrong),
      hint: expect.stringContaining('usage: npm run test:simulation'),
    }),
  )
})
