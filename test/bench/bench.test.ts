import { readConfig } from '../../src/config.ts'
import { parseArguments } from '../../src/arguments.ts'
import { benchCommand, runBench } from '../../src/bench/bench.ts'

test.each([
  [['visible', '--rate', '0'], '--rate is a whole number from 1'],
  [['reads', '--for', 'ever'], '--for is a duration'],
  [['reads', '--seed', '1'], 'there is no option --seed'],
  [['nothing'], "there is no benchmark 'nothing'"],
])('%j is refused with what is wrong and the usage of benchmarks', async (args, wrong) => {
  const run = async () =>
    runBench(parseArguments(args, benchCommand), readConfig({}), new AbortController().signal)
  await expect(run()).rejects.toMatchObject({
    code: 'arguments',
    message: expect.stringContaining(wrong),
    hint: expect.stringContaining('usage: millrace bench WHAT'),
  })
})
