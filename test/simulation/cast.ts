/** The processes of a schedule: who runs, who is started again, and which release. */
import type { OwnView } from '../../src/coordinate/view-plan.ts'
import type { Random } from './random.ts'
import type { Life, World } from './world.ts'

export class Cast {
  readonly #world: World
  #over = false
  /** The release that is to be served. */
  wanted: OwnView

  constructor(world: World) {
    this.#world = world
    this.wanted = world.views.first
  }

  get lives(): readonly Life[] {
    return [...this.#world.lives].filter(({ over, end }) => !over && !end.signal.aborted)
  }

  start(own = this.wanted): void {
    if (!this.#over) this.#world.start(own)
  }

  /** All are told to end, and nobody begins any more. */
  end(): void {
    this.#over = true
    for (const { end } of this.#world.lives) end.abort()
  }

  /** One of those that run, if any does. */
  any(random: Random): Life | undefined {
    const { lives } = this
    return lives.length > 0 ? random.pick(lives) : undefined
  }

  /** Whoever coordinates, as far as the store knows. */
  coordinator(): Life | undefined {
    const holder = this.#world.store.data.lease?.holder
    return this.lives.find(({ process }) => process.name === holder)
  }

  kill(life: Life, backAfterMs: number): void {
    this.#world.kill(life)
    this.#world.scheduler.after(backAfterMs, () => this.start(life.own))
  }

  /** Told to end, and another one in its place. */
  replace(life: Life): void {
    life.end.abort()
    this.start()
  }

  /** At the end somebody has to be there who keeps what is wanted. */
  complete(): void {
    if (!this.lives.some(({ own }) => own === this.wanted)) this.start()
  }
}
