import { parseArguments, wrongArguments } from '../../src/dev/arguments.ts'

export type SimulationOptions = {
  readonly schedules: number
  readonly seed: number
  readonly trace: boolean
}

export const simulationUsage = `usage: npm run test:simulation -- [options]
  --schedules <n>      how many schedules                        1000
  --seed <n>           seed of the first one, others follow      1
  --trace              prints all that happens in them
`

/** Throws `arguments`, with the usage as its hint. */
export function parseSimulationArgs(args: readonly string[]): SimulationOptions {
  const traced = args.filter((each) => each === '--trace').length
  if (traced > 1) throw wrongArguments('--trace is given twice', simulationUsage)
  const given = parseArguments(
    args.filter((each) => each !== '--trace'),
    { names: ['schedules', 'seed'], usage: simulationUsage },
  )
  return {
    schedules: given.whole('schedules', 1_000, [1, 10_000_000]),
    seed: given.whole('seed', 1, [0, 2 ** 31 - 1]),
    trace: traced > 0,
  }
}
