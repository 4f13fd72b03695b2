import type { Log } from '../log.ts'
import type { StandingDoubt } from '../store/state.ts'
import { ComparedKeys } from './compared-keys.ts'
import type { HeldTime } from './held-time.ts'
import type { Difference } from './judge.ts'
import { charged, encodePass, type PassState } from './pass-state.ts'
import { voided } from './passage.ts'
import type { Plan } from './plan.ts'
import { counted, shownDifference, type Tally } from './statistics.ts'

/** What one turn leaves to the next one of its process. */
export type Carried = {
  readonly compared: ComparedKeys
  /**
   * What was put right and is not counted yet. The lap may be broken off between the two, as by
   * another epoch, and nobody would hear of what was wrong.
   */
  readonly uncounted: Difference[]
}

export function nothingCarried(): Carried {
  return { compared: new ComparedKeys(), uncounted: [] }
}

type Parts = {
  readonly plan: Pick<Plan, 'audit' | 'clock' | 'epoch' | 'watch'>
  readonly log: Log
  readonly held: HeldTime
  readonly carried: Carried
}

/** How far a lap is, as it lies in the store. */
export class WrittenLap {
  readonly #parts: Parts
  #text: string | undefined
  #pass: PassState

  /** `text` is what lies there: of this lap, or of the one before. */
  constructor(
    parts: Parts,
    { pass, text }: { readonly pass: PassState; readonly text: string | undefined },
  ) {
    this.#parts = parts
    this.#text = text
    this.#pass = pass
    parts.carried.compared.begin(pass.lap, text)
  }

  get pass(): PassState {
    return this.#pass
  }

  /**
   * Goes on to `next`, counts and logs what was found, and ends doubts and completes declarations in
   * the same step. Rejects with `look-void` where what lies there is not what was written last.
   */
  async write(
    next: PassState,
    tally?: Tally,
    ended: readonly StandingDoubt[] = [],
    done: readonly string[] = [],
  ): Promise<void> {
    const { plan, log, held, carried } = this.#parts
    const { audit, clock, epoch, watch } = plan
    const healed = carried.uncounted.map((each) => ({ ...each, healed: true }))
    // What was healed was told when it was.
    const wrong = [...healed, ...(tally?.wrong ?? []).filter((each) => !each.healed)]
    const pass = charged(next, held.take(), clock.wallMs())
    const found = { looks: 0, entries: 0, ...tally, wrong }
    const isAny = tally !== undefined || wrong.length > 0
    const statistics = isAny ? counted(pass.statistics, found, clock.wallMs()) : pass.statistics
    const text = encodePass({ ...pass, statistics })
    const step = { epoch, before: this.#text, after: text, ended: ended.map(({ id }) => id) }
    const isWritten = await audit.progress({ ...step, completed: done })
    // What is sent again, for its answer was lost, finds what it has written itself.
    if (!isWritten && (await watch.ask())?.pass !== text) {
      throw voided('another process compares the view, or it has begun anew')
    }
    carried.uncounted.splice(0, healed.length)
    this.#text = text
    this.#pass = { ...pass, statistics }
    carried.compared.written(pass.lap, text)
    for (const each of wrong) {
      log.error({ ...shownDifference(each), healed: each.healed }, 'an entry was wrong')
    }
  }

  /** A steady lap has time to look twice, and would hold them all the time. */
  remember(keys: readonly string[]): void {
    if (this.#pass.kind !== 'steady') this.#parts.carried.compared.add(keys)
  }
}
