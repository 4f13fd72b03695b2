import { readConfig } from '../../src/config.ts'
import { runBench } from '../../src/bench/bench.ts'

test.each([
  [['visible', '--rate', '0'], '--rate is a whole number from 1'],
  [['reads', '--for', 'ever'], '--for is a duration'],
  [['reads', '--seed', '1'], "Unknown option '--seed'"],
  [['nothing'], "there is no benchmark 'nothing'"],
])('%j is refused with what is wrong and the usage of benchmarks', async (args, wrong) => {
  await expect(runBench(args, readConfig({}), new AbortController().signal)).rejects.toMatchObject({
    code: 'arguments',
    message: expect.stringContaining(wrong),
    hint: expect.stringContaining('usage: npm run bench'),
  })
})
