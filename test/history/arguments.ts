import { parseArguments, whole } from '../../src/arguments.ts'

export type HistoryOptions = {
  readonly minutes: number
  readonly seed: number
}

const command = (seed: number) => ({
  call: 'npm run test:faults --',
  about: 'Faults on the real chain, judged by what readers saw.',
  options: {
    minutes: whole([1, 24 * 60], 10, 'how long traffic and faults last'),
    seed: whole([0, 0xffff_ffff], seed, 'the same seed makes the same choices'),
  },
})

/** Throws `arguments`, with the usage as its hint. */
export function parseHistoryArgs(args: readonly string[]): HistoryOptions {
  return parseArguments(args, command(Math.floor(Math.random() * 2 ** 31))).values
}

/** `MILLRACE_TEST_SEED`, else another one each time. */
export function seedOfTest(): number {
  const given = process.env['MILLRACE_TEST_SEED']
  return given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given)
}
