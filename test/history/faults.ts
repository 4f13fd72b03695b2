import { describe } from '../../src/errors.ts'
import type { Random } from '../../src/random.ts'
import { processFaults } from './faults-processes.ts'
import { sqlFaults } from './faults-sql.ts'
import { blindFaults } from './faults-blind.ts'
import { storeFaults } from './faults-store.ts'
import { wireFaults } from './faults-wires.ts'
import { logEnd, type Scene } from './scene.ts'

export type Fault = {
  readonly kind: string
  /** How often it comes among the faults of its lane. */
  readonly weight: number
  /** What no other fault may touch meanwhile. */
  readonly targets: readonly string[]
  /** Does it and puts all right again. */
  readonly run: (scene: Scene, random: Random) => Promise<Effect>
}

/** Whether a fault had an effect; `put off` when it could not be done at that time. */
export type Effect = boolean | 'put off'

/** Faults of one lane come one after another, those of different lanes at the same time. */
export type Lane = {
  readonly name: string
  readonly faults: readonly Fault[]
  readonly leastPauseMs: number
  readonly mostPauseMs: number
  /**
   * How long the next fault mostly waits for the watermark to pass what was written during the last
   * one: faults that come before anybody has recovered hide what recovering does.
   */
  readonly recoveryMaxMs: number
}

/** How often a fault comes although nothing has recovered from the last one. */
const impatience = 0.3

const outside: readonly Fault[] = [...processFaults, ...wireFaults]

export const lanes: readonly Lane[] = [
  {
    name: 'outside',
    faults: outside,
    leastPauseMs: 2_000,
    mostPauseMs: 12_000,
    recoveryMaxMs: 60_000,
  },
  {
    name: 'outside too',
    faults: outside,
    leastPauseMs: 6_000,
    mostPauseMs: 30_000,
    recoveryMaxMs: 60_000,
  },
  {
    name: 'blind',
    faults: blindFaults,
    leastPauseMs: 20_000,
    mostPauseMs: 70_000,
    recoveryMaxMs: 0,
  },
  {
    name: 'source',
    faults: sqlFaults,
    leastPauseMs: 15_000,
    mostPauseMs: 45_000,
    recoveryMaxMs: 0,
  },
  { name: 'store', faults: storeFaults, leastPauseMs: 2_000, mostPauseMs: 9_000, recoveryMaxMs: 0 },
]

/** A minute with nothing but workers that die, for a first look at the whole. */
export const fewLanes: readonly Lane[] = [
  {
    name: 'few',
    faults: [
      ...processFaults.filter(({ kind }) => /^worker|^second worker|^redis killed/.test(kind)),
      ...wireFaults.filter(({ kind }) => kind.startsWith('redis')),
    ],
    leastPauseMs: 500,
    mostPauseMs: 3_000,
    recoveryMaxMs: 0,
  },
  {
    name: 'few planted',
    faults: storeFaults.filter(({ kind }) => /^planted (amount|text)$/.test(kind)),
    leastPauseMs: 2_000,
    mostPauseMs: 4_000,
    recoveryMaxMs: 0,
  },
]

/** How often each kind was tried and had an effect. */
export class FaultTally {
  readonly #counts = new Map<string, { tried: number; effective: number }>()
  lastTrouble: string | undefined

  constructor(chosen: readonly Lane[]) {
    for (const { faults } of chosen) {
      for (const { kind } of faults) this.#counts.set(kind, { tried: 0, effective: 0 })
    }
  }

  add(kind: string, isEffective: boolean): void {
    const count = this.#counts.get(kind)!
    count.tried += 1
    if (isEffective) count.effective += 1
  }

  get effective(): number {
    return [...this.#counts.values()].reduce((sum, each) => sum + each.effective, 0)
  }

  rows(): readonly { readonly kind: string; readonly tried: number; readonly effective: number }[] {
    return [...this.#counts].map(([kind, counts]) => ({ kind, ...counts }))
  }

  /** Kinds that never had an effect. */
  missing(): readonly string[] {
    return this.rows().flatMap(({ kind, effective }) => (effective === 0 ? [kind] : []))
  }
}

export type LaneParts = {
  readonly scene: Scene
  readonly random: Random
  readonly tally: FaultTally
  /** What is touched now, by any lane. */
  readonly busy: Set<string>
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
  /** Hears of a fault that could not be put right again. */
  readonly failed: (text: string) => void
}

/** Runs a lane until `signal` aborts; the fault under way is put right first. */
export async function runLane(lane: Lane, parts: LaneParts, signal: AbortSignal): Promise<void> {
  const { scene, random, tally, busy, sleep } = parts
  while (!signal.aborted) {
    await sleep(random.integer(lane.leastPauseMs, lane.mostPauseMs), signal)
    const fault = draw(lane.faults, { random, tally })
    const isFree = fault.targets.every((target) => !busy.has(target))
    if (!isFree || signal.aborted) continue
    for (const target of fault.targets) busy.add(target)
    try {
      scene.tell(`${fault.kind} …`)
      const effect = await fault.run(scene, random)
      if (effect !== 'put off') tally.add(fault.kind, effect)
      const said = effect === 'put off' ? effect : effect ? 'is over' : 'had no effect'
      scene.tell(`${fault.kind} ${said}`)
    } catch (error) {
      parts.failed(`the fault '${fault.kind}' could not be done or undone: ${describe(error)}`)
    } finally {
      for (const target of fault.targets) busy.delete(target)
    }
    const waitMs = random.chance(impatience) ? 0 : lane.recoveryMaxMs
    await recovered(scene, { waitMs, signal, sleep })
  }
}

/** Waits until the view has what was written so far, for a time at most. */
async function recovered(
  scene: Scene,
  { waitMs, signal, sleep }: Pick<LaneParts, 'sleep'> & { waitMs: number; signal: AbortSignal },
): Promise<void> {
  const untilMs = performance.now() + waitMs
  let end: bigint | undefined
  while (!signal.aborted && performance.now() < untilMs) {
    end ??= await logEnd(scene).catch(() => undefined)
    if (end !== undefined && scene.watermark() > end) return
    await sleep(500, signal)
  }
}

/** By weight; half of the time among the kinds that came least, so that none is left out for long. */
function draw(
  faults: readonly Fault[],
  { random, tally }: { readonly random: Random; readonly tally: FaultTally },
): Fault {
  const counts = new Map(tally.rows().map(({ kind, effective }) => [kind, effective]))
  const fewest = Math.min(...faults.map(({ kind }) => counts.get(kind)!))
  const rare = faults.filter(({ kind }) => counts.get(kind) === fewest)
  if (random.chance(0.5)) return random.pick(rare)
  let left = random.fraction() * faults.reduce((sum, { weight }) => sum + weight, 0)
  for (const fault of faults) {
    left -= fault.weight
    if (left < 0) return fault
  }
  return faults.at(-1)!
}
