/** Whoever is told that a count stands below zero raises a doubt before it commits again. */
import { mergedView } from '../../src/coordinate/view-plan.ts'
import { topicPartitionName } from '../../src/position.ts'
import type { MemoryData } from '../../src/store/memory/data.ts'
import type { Doubt } from '../../src/store/state.ts'
import type { Commit, CommitResult } from '../../src/store/writer.ts'
import type { Process } from './process.ts'
import type { World } from './world.ts'

export class BelowZero {
  readonly #world: World
  readonly #data: MemoryData
  #completeSinceMs = Infinity
  /** Entries by processes and partitions that were told. */
  readonly #told = new Map<string, readonly string[]>()

  constructor(world: World, data: MemoryData) {
    this.#world = world
    this.#data = data
  }

  /** Answers what is to be done with the answer. */
  asked(
    { name: process }: Process,
    method: string,
    [first, second]: readonly unknown[],
  ): ((answer: unknown) => unknown) | undefined {
    if (method === 'raise') {
      const { code, name } = second as Doubt
      if (code === 'below-zero') this.#told.delete(`${process} ${name.split(' ')[1]}`)
    }
    if (method !== 'commit') return undefined
    const told = `${process} ${topicPartitionName((first as Commit).partition)}`
    // What has come to be below the bound since then is no doubt.
    const entries = this.#told.get(told)?.filter((key) => !this.#world.oracle.isBelow(key)) ?? []
    this.#told.delete(told)
    if (entries.length > 0) {
      this.#world.fail(`${told}: a count of ${entries.join()} is below zero, and not in doubt`)
    }
    const isKnown = this.#isKnownComplete()
    return (answer) => {
      const result = answer as CommitResult
      if (!isKnown || result.kind !== 'applied') return result
      const below = result.belowZero.filter(({ count }) => !this.#isSum(count))
      if (below.length > 0) this.#told.set(told, [...new Set(below.map(({ entry }) => entry))])
      return result
    }
  }

  /** A sum of what is given back is below zero by its rows alone. */
  #isSum(name: string): boolean {
    const { counts } = mergedView(this.#data.state!)
    return counts.some(({ stored, adds }) => stored === name && adds.kind === 'sum')
  }

  /** Whether every process has had the time to hear that the view is complete. */
  #isKnownComplete(): boolean {
    const { activeMs } = this.#world.scheduler
    const complete = this.#data.state?.declarations.every((each) => each.complete)
    this.#completeSinceMs = complete ? Math.min(this.#completeSinceMs, activeMs) : Infinity
    return activeMs - this.#completeSinceMs > 15_000
  }
}
