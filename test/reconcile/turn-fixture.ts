import { decodePass, encodePass, newLap, type PassState } from '../../src/reconcile/pass-state.ts'
import type { Plan } from '../../src/reconcile/plan.ts'
import { Turn, type TurnOptions } from '../../src/reconcile/turn.ts'
import { nothingCarried } from '../../src/reconcile/written-lap.ts'
import type { StandingDoubt } from '../../src/store/state.ts'
import { aDoubt } from '../store/store-fixture.ts'
import { all } from '../coordinate/coordination-fixture.ts'
import { Compared, held } from './look-fixture.ts'

/** Of a lap whose first look was taken. */
export const anchored = { anchor: { number: 1, from: all(10) }, since: '150' }

/** A view, and the laps that compare it: a thousand rows a second where the pace is steady. */
export class Laps extends Compared {
  /** As a process hands it from turn to turn. */
  carried = nothingCarried()

  async turn(given: Partial<Plan> = {}, options: Partial<TurnOptions> = {}): Promise<void> {
    const { log } = this.recorded
    const steady = { rowsPerSecond: 1_000, shareMax: 0.5 }
    const state = (await this.watch.ask())!
    const every = { log, steady, fullPaceDailyMs: 60_000, ...options }
    const turn = new Turn(every, this.plan(given), state, this.carried)
    await this.clock.until(turn.run(this.signal))
  }

  async lap(): Promise<PassState> {
    return decodePass((await this.state()).pass)!
  }

  /** The lap as somebody has left it. */
  left(given: Partial<PassState>): void {
    const state = this.data.state!
    const lap = newLap(decodePass(state.pass), given.kind ?? 'steady', state, this.clock.wallMs())
    this.data.state = { ...state, pass: encodePass({ ...lap, ...given }) }
  }

  /** Raises a doubt. */
  async doubted(given: Partial<StandingDoubt> = {}): Promise<StandingDoubt> {
    return (await this.raise(aDoubt('x', given))).doubts.at(-1)!
  }

  /** Authors that source and store have alike. */
  authors(count: number, from = 1): void {
    for (let key = from; key < from + count; key += 1) this.both(String(key), held('Ada'))
  }

  /** Not yet complete, as a view that was begun just now. */
  unfinished(): void {
    const { declarations, ...rest } = this.data.state!
    const open = declarations.map((each) => ({ ...each, complete: false }))
    this.data.state = { ...rest, declarations: open }
  }
}
