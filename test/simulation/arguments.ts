import { flag, parseArguments, text, whole, wrongArguments } from '../../src/arguments.ts'
import { familyNames, type FamilyName } from './families.ts'

export type SimulationOptions = {
  readonly schedules: number
  readonly seed: number
  /** What all of them are about; undefined where each seed draws it. */
  readonly family: FamilyName | undefined
  readonly trace: boolean
}

const command = {
  call: 'npm run test:simulation --',
  about: 'Any interleaving, over simulated servers.',
  options: {
    schedules: whole([1, 10_000_000], 1_000, 'how many schedules'),
    seed: whole([0, 2 ** 31 - 1], 1, 'seed of the first one, others follow'),
    family: text('NAME', `views of one family alone: ${familyNames.join(', ')}`),
    trace: flag('prints all that happens in them'),
  },
}

/** Throws `arguments`, with the usage as its hint. */
export function parseSimulationArgs(args: readonly string[]): SimulationOptions {
  const { values } = parseArguments(args, command)
  const family = familyNames.find((name) => name === values.family)
  if (values.family === undefined || family) return { ...values, family }
  throw wrongArguments(`there is no family ${values.family}`, command)
}
