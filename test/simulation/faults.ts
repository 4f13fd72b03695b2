/** Every fault that a schedule may draw, and what it does to the world. */
import { chainFaults } from './faults-chain.ts'
import { clockFaults } from './faults-clock.ts'
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

type Drawing = { readonly untilMs: number; readonly benign: boolean }

export type FaultStep = { readonly atMs: number; readonly fault: string; readonly seed: number }

/** Their order is what seeds draw by. */
export const faults: Readonly<Record<string, Fault>> = {
  ...processFaults,
  ...sourceFaults,
  ...chainFaults,
  ...storeFaults,
}

/** Those, and what is drawn besides where a view lets old entries go. */
export const everyFault = { ...faults, ...clockFaults }

export function drawFaults(random: Random, drawing: Drawing): FaultStep[] {
  const drawn = namesOf(faults, drawing)
  const { untilMs } = drawing
  const count = random.chance(0.1) ? 0 : 1 + random.below(9)
  const steps = Array.from({ length: count }, () => ({
    atMs: random.between(500, untilMs),
    fault: random.pick(drawn),
    seed: random.below(2 ** 32),
  }))
  return steps.toSorted((a, b) => a.atMs - b.atMs)
}

/** Each as often as it weighs. */
function namesOf(among: Readonly<Record<string, Fault>>, { benign }: Drawing): readonly string[] {
  return Object.entries(among)
    .filter(([, fault]) => fault.benign || !benign)
    .flatMap(([name, { weight }]) => Array.from({ length: weight }, () => name))
}

/** More of the source's clock than others are about. */
export function drawClockFaults(random: Random, drawing: Drawing): FaultStep[] {
  const drawn = namesOf(clockFaults, drawing)
  const { untilMs } = drawing
  return Array.from({ length: random.below(4) }, () => ({
    atMs: random.between(500, untilMs),
    fault: random.pick(drawn),
    seed: random.below(2 ** 32),
  }))
}

export function playFault(world: World, cast: Cast, { fault, seed }: FaultStep): void {
  world.say(() => `fault: ${fault}`)
  world.count(`fault: ${fault}`)
  everyFault[fault]!.play({ world, cast, random: new Random(seed) })
}
