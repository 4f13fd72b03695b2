import { flag, parseArguments, whole } from '../../src/arguments.ts'

export type SimulationOptions = {
  readonly schedules: number
  readonly seed: number
  readonly trace: boolean
}

const command = {
  call: 'npm run test:simulation --',
  about: 'Any interleaving, over simulated servers.',
  options: {
    schedules: whole([1, 10_000_000], 1_000, 'how many schedules'),
    seed: whole([0, 2 ** 31 - 1], 1, 'seed of the first one, others follow'),
    trace: flag('prints all that happens in them'),
  },
}

/** Throws `arguments`, with the usage as its hint. */
export function parseSimulationArgs(args: readonly string[]): SimulationOptions {
  return parseArguments(args, command).values
}
