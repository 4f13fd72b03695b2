import { readConfig } from '../../src/config.ts'
import { parseArguments } from '../../src/arguments.ts'
import { benchCommand, runBench } from '../../src/bench/bench.ts'

test.each([
  [['visible', '--rate', '0'], '--rate is a whole number from 1'],
  [['reads', '--for', 'ever'], '--for is a duration'],
  [['reads', '--seed', '1'], 'there is no option --seed'],
  [['example'], '--example is missing'],
  [['lists', '--rows', '10'], '--rows is a whole number from 1000'],
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

test.each([
  ['social', "'social' has no benchmark of its own"],
  ['nowhere', "there is no example 'nowhere'"],
])('example %s is refused before anything is started', async (name, wrong) => {
  const given = parseArguments(['example', '--example', name], benchCommand)
  const run = async () => runBench(given, readConfig({}), new AbortController().signal)
  await expect(run()).rejects.toMatchObject({ code: 'arguments', message: wrong })
})
