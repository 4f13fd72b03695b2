import { parseArguments } from '../../src/dev/arguments.ts'

export type HistoryOptions = {
  readonly minutes: number
  readonly seed: number
}

export const historyUsage = `usage: npm run test:faults -- [options]
  --minutes <n>   how long traffic and faults last   10
  --seed <n>      the same seed makes the same choices   another one each time
`

const names = ['minutes', 'seed'] as const

/** Throws `arguments`, with the usage as its hint. */
export function parseHistoryArgs(args: readonly string[]): HistoryOptions {
  const given = parseArguments(args, { names, usage: historyUsage })
  return {
    minutes: given.whole('minutes', 10, [1, 24 * 60]),
    seed: given.whole('seed', Math.floor(Math.random() * 2 ** 31), [0, 0xffff_ffff]),
  }
}

/** `MILLRACE_TEST_SEED`, else another one each time. */
export function seedOfTest(): number {
  const given = process.env['MILLRACE_TEST_SEED']
  return given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given)
}
