/**
 * Watches the bound of what is kept: it only rises, by the source's clock, never by a leap that
 * nobody has allowed, and nothing above it is removed.
 */
import type { KeepStep, Removal } from '../../src/store/keeping.ts'
import { decodeView } from '../../src/view/declarations.ts'
import { boundAt, isBelow, leapMost } from './keys.ts'
import type { World } from './world.ts'

type Raised = { readonly bound: number; readonly atMs: number }

/** Within this time a lap has come by every entry. */
const lapMs = 10_000

export class KeepWatch {
  readonly #world: World
  /** What the store has, unless it was put back. */
  #known: number | undefined
  /** Ever since the view was begun, the last of them the highest. */
  #raised: Raised[] = []
  /** The highest one ever: who coordinates remembers it when the view is begun anew. */
  #highest: Raised | undefined
  #latestWallMs = 0

  constructor(world: World) {
    this.#world = world
  }

  /** Called after each step of the store that is not meant to alter the bound. */
  unchanged(method: string): void {
    const { data } = this.#world.store
    const found = data.state?.keepFrom
    if (found === this.#known || !data.state) return
    this.#world.fail(`${method} altered the bound from ${this.#known} to ${found}`)
  }

  /** The view is begun. */
  opened(): void {
    this.#known = this.#world.store.data.state?.keepFrom
    this.#raised = []
    if (this.#known !== undefined) this.#note(this.#known)
  }

  /** The store has gone back. */
  restored(): void {
    const { store, count } = this.#world
    const before = this.#known
    this.#known = store.data.state?.keepFrom
    if (before !== undefined && (this.#known ?? before) < before) {
      count('the store went back to a lower bound')
    }
  }

  /** The source's clock says this just now. */
  heard(): void {
    this.#latestWallMs = Math.max(this.#latestWallMs, this.#world.sourceWallMs())
  }

  raise({ before, after }: KeepStep): (went: unknown) => void {
    const { store, count, fail, scheduler } = this.#world
    const found = store.data.state?.keepFrom
    return (went) => {
      if (went !== true) return count('a rise of the bound was refused')
      if (found !== before) fail(`the bound rose from ${before}, and was ${found}`)
      if (before !== undefined && after <= before) fail(`the bound fell from ${before} to ${after}`)
      const keep = this.#keep()
      if (keep === undefined) return fail('a bound of a view that keeps its entries for ever')
      if (after > boundAt(keep, this.#latestWallMs)) {
        fail(`the bound ${after} lies beyond what the source's clock has ever said`)
      }
      const last = this.#highest
      if (last && before !== undefined) {
        const passed = (scheduler.activeMs - last.atMs) / 1_000
        const { letGo } = store.data.wanted ?? {}
        const most = leapMost(keep)
        if (after - last.bound > most + passed) {
          if (letGo === undefined || after - letGo > most) {
            fail(`the bound leapt from ${last.bound} to ${after}, and nobody has said that it may`)
          } else count('the bound leapt, for somebody had said that it may')
        }
      }
      count('the bound rose')
      this.#known = after
      this.#note(after)
    }
  }

  remove({ keys }: Removal): (removed: unknown) => void {
    const { store, oracle, count, fail } = this.#world
    const lie = keys.filter((key) => store.data.entries.has(key) && !oracle.isBelow(key))
    return (removed) => {
      if (removed === undefined) return count('a removal of an earlier epoch or bound was refused')
      if (lie.length > 0) fail(`${lie.join()} were removed above ${store.data.state?.keepFrom}`)
      if (Number(removed) > 0) count('entries were let go', Number(removed))
    }
  }

  /** A bound that is held is shown as a problem. */
  reported(problem: unknown): void {
    const { count, sourceOffsetMs } = this.#world
    if (!problem) return
    count(
      sourceOffsetMs > 0
        ? "a leap of the source's clock was held"
        : 'a bound was held after nobody had worked for long, or for a declaration',
    )
  }

  /** How far the bound is behind the source's clock, in seconds. */
  lagSeconds(): number {
    const { store, sourceWallMs } = this.#world
    const keep = this.#keep()
    if (keep === undefined) return 0
    return boundAt(keep, sourceWallMs()) - (store.data.state!.keepFrom ?? -Infinity)
  }

  /** Whether the entry fell below the bound so lately that no lap may have come by it. */
  mayLie(key: string): boolean {
    const { scheduler, oracle } = this.#world
    if (!oracle.isBelow(key)) return false
    const old = this.#raised.findLast(({ atMs }) => atMs <= scheduler.activeMs - lapMs)
    return !isBelow(key, old?.bound)
  }

  /** Seconds, of the declaration that keeps for the longest; undefined where one keeps for ever. */
  #keep(): number | undefined {
    const declarations = this.#world.store.data.state?.declarations ?? []
    const keeps = declarations.map(({ declaration }) => decodeView(declaration).keep ?? Infinity)
    const most = Math.max(...keeps)
    return Number.isFinite(most) ? most : undefined
  }

  #note(bound: number): void {
    const last = this.#raised.at(-1)
    if (last && last.bound >= bound) return
    const raised = { bound, atMs: this.#world.scheduler.activeMs }
    this.#raised.push(raised)
    if (!this.#highest || this.#highest.bound < bound) this.#highest = raised
  }
}
