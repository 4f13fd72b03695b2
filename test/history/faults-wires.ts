import type { Fault } from './faults.ts'
import { pause, type Wires } from './scene.ts'

const names = ['source', 'redis', 'connect', 'kafka'] as const

/** Cuts of the connections between workers and everything else. */
export const wireFaults: readonly Fault[] = [
  ...names.flatMap((name) => [cut(name), refused(name), silent(name), lostReply(name)]),
  schemasUnreachable(),
]

function cut(name: keyof Wires): Fault {
  return {
    kind: `${name} cut`,
    weight: 2,
    targets: [`wire ${name}`],
    run: async ({ wires }, random) => {
      const wire = wires[name]
      const before = wire.connections()
      for (let times = random.integer(1, 4); times > 0; times -= 1) {
        wire.cut()
        await pause(random, 100, 1_000)
      }
      return hasComeBack(wire, before)
    },
  }
}

function refused(name: keyof Wires): Fault {
  return {
    kind: `${name} unreachable`,
    weight: 2,
    targets: [`wire ${name}`],
    run: async ({ wires }, random) => {
      const wire = wires[name]
      const before = wire.connections()
      wire.refuse()
      await pause(random, 500, 6_000)
      wire.heal()
      return hasComeBack(wire, before)
    },
  }
}

/** Connections stay, and nothing comes through one way or both. */
function silent(name: keyof Wires): Fault {
  return {
    kind: `${name} silent`,
    weight: 1,
    targets: [`wire ${name}`],
    run: async ({ wires }, random) => {
      const wire = wires[name]
      const before = wire.connections()
      if (random.chance(0.7)) wire.drop('down')
      if (random.chance(0.5)) wire.drop('up')
      await pause(random, 500, 6_000)
      // What was thrown away would leave the rest without a sense: connections end with it.
      wire.heal()
      wire.cut()
      return hasComeBack(wire, before)
    },
  }
}

/** What was asked is done, and whoever asked never hears of it. */
function lostReply(name: keyof Wires): Fault {
  return {
    kind: `${name} reply lost`,
    weight: 2,
    targets: [`wire ${name}`],
    run: async ({ wires }, random) => {
      const wire = wires[name]
      const before = wire.connections()
      for (let times = random.integer(1, 5); times > 0; times -= 1) {
        wire.cutOnNext('down')
        await pause(random, 200, 1_500)
      }
      wire.heal()
      return hasComeBack(wire, before)
    },
  }
}

/** A worker knows the schemas that it has asked for, so only one that begins misses the registry. */
function schemasUnreachable(): Fault {
  return {
    kind: 'registry unreachable for a worker that begins',
    weight: 3,
    targets: ['wire registry', 'worker-a'],
    run: async (scene, random) => {
      const wire = scene.wires.registry
      const before = wire.connections()
      wire.refuse()
      await scene.chain.kill('worker-a')
      scene.chain.startAgain('worker-a')
      const asked = await hasComeBack(wire, before)
      await pause(random, 0, 4_000)
      wire.heal()
      return asked
    },
  }
}

/** Effect enough: somebody has had to connect again. */
async function hasComeBack(wire: Wires[keyof Wires], before: number): Promise<boolean> {
  for (let tries = 0; tries < 150; tries += 1) {
    if (wire.connections() > before) return true
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return false
}
