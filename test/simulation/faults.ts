/** Every fault that a schedule may draw, and what it does to the world. */
import { chainFaults } from './faults-chain.ts'
import { processFaults } from './faults-process.ts'
import { sourceFaults } from './faults-source.ts'
import { storeFaults } from './faults-store.ts'
import type { Cast } from './cast.ts'
import { Random } from './random.ts'
import type { World } from './world.ts'

export type Stage = { readonly world: World; readonly cast: Cast; readonly random: Random }

export type Fault = {
  /** True where nothing may come to be in doubt: what it does is part of every day. */
  readonly benign: boolean
  /** How often it is drawn, against others. */
  readonly weight: number
  readonly play: (stage: Stage) => void
}

export type FaultStep = { readonly atMs: number; readonly fault: string; readonly seed: number }

export const faults: Readonly<Record<string, Fault>> = {
  ...processFaults,
  ...sourceFaults,
  ...chainFaults,
  ...storeFaults,
}

export function drawFaults(
  random: Random,
  { untilMs, benign }: { readonly untilMs: number; readonly benign: boolean },
): FaultStep[] {
  const drawn = Object.entries(faults)
    .filter(([, fault]) => fault.benign || !benign)
    .flatMap(([name, { weight }]) => Array.from({ length: weight }, () => name))
  const count = random.chance(0.1) ? 0 : 1 + random.below(9)
  const steps = Array.from({ length: count }, () => ({
    atMs: random.between(500, untilMs),
    fault: random.pick(drawn),
    seed: random.below(2 ** 32),
  }))
  return steps.toSorted((a, b) => a.atMs - b.atMs)
}

export function playFault(world: World, cast: Cast, { fault, seed }: FaultStep): void {
  world.say(() => `fault: ${fault}`)
  world.count(`fault: ${fault}`)
  faults[fault]!.play({ world, cast, random: new Random(seed) })
}
