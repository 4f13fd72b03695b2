import { MillraceError } from '../errors.ts'
import { boundOf, boundText, spanText, stepOf, timePartsOf, type KeepBound } from '../keep.ts'
import { Reported } from '../store/reported.ts'
import type { ViewState } from '../store/state.ts'
import type { View } from '../view/view.ts'
import type { Coordination } from './coordinator.ts'
import { mergedView } from './view-plan.ts'

/**
 * Raises the bound below which the view lets its entries go, as the source's clock goes on. What is
 * let go does not come back, so a clock that leaps must not raise it: a rise that is greater than the
 * time that has passed here since the bound was right is held until somebody says that it may be.
 */
export class Retention {
  readonly #parts: Coordination
  #reported: Reported
  /** The bound as it was right by the source's clock, at which barrier, and when, monotonic. */
  #right: { readonly bound: KeepBound; readonly barrier: number; readonly atMs: number } | undefined
  #said = ''

  constructor(parts: Coordination) {
    this.#parts = parts
    this.#reported = new Reported(parts.clock, 'keep')
  }

  /** Others may have coordinated the view meanwhile, and told otherwise. */
  takeOver(): void {
    this.#reported = new Reported(this.#parts.clock, 'keep')
  }

  async look(state: ViewState): Promise<void> {
    const { store, own, log } = this.#parts
    const held = await this.#raise(state)
    await this.#reported.report(store.writer(own.view.layout), held)
    if (held && held.message !== this.#said) {
      log.error({ code: held.code, reason: held.message, hint: held.hint }, 'old entries stay')
    }
    this.#said = held?.message ?? ''
  }

  /** Answers why the bound is held, where it is. */
  async #raise({
    epoch,
    keepFrom: before,
    ...state
  }: ViewState): Promise<MillraceError | undefined> {
    const { store, clock, watch, log } = this.#parts
    const view = mergedView(state)
    const { barrier } = state
    const after = barrier && boundOf(view, barrier.takenAtMs)
    if (!barrier || after === undefined) return undefined
    const right = { barrier: barrier.number, atMs: clock.monotonicMs() }
    if (before !== undefined && after <= before) {
      // Only a barrier that was not seen before tells what the source's clock says by now.
      if (this.#right?.barrier !== barrier.number) this.#right = { ...right, bound: before }
      return undefined
    }
    if (!(await this.#mayRise(view, before, after))) return leap(view, before, after)
    const keeping = store.keeping(view.layout)
    if (!(await keeping.raise({ epoch, before, after }))) return undefined
    this.#right = { ...right, bound: after }
    log.debug({ keepFrom: textOf(view, after) }, 'older entries are let go')
    await watch.ask()
    return undefined
  }

  /** A view that was begun with a bound has one: `before` is undefined where it kept all so far. */
  async #mayRise(view: View, before: KeepBound | undefined, after: KeepBound): Promise<boolean> {
    const { store, clock } = this.#parts
    const right = this.#right
    const passed = right ? (clock.monotonicMs() - right.atMs) / 1_000 : 0
    const most = leapMost(view)
    const from = Math.max(before ?? -Infinity, right?.bound ?? -Infinity)
    if (after - from <= most + passed) return true
    // Since the word was given next to no time has passed, however long the bound was held before.
    const letGo = (await store.watchable.wanted())?.letGo
    return letGo !== undefined && after - letGo <= most
  }
}

/** What a bound may rise by at once, in seconds, whatever time has passed. */
function leapMost({ key, keep }: View): number {
  return Math.max(stepOf(key[timePartsOf(key)[0]!]!), keep! / 10)
}

function leap(view: View, before: KeepBound | undefined, after: KeepBound): MillraceError {
  const to = textOf(view, after)
  const what =
    before === undefined
      ? `all entries up to ${to} would go at once`
      : `entries from ${textOf(view, before)} up to ${to} would go at once, ${spanText(after - before)} of them`
  return new MillraceError('keep-held', `${what}: they stay`, {
    hint:
      "Look at the source's clock. If it is right, no worker has run for long, or the view keeps " +
      `for a shorter time than before: then \`millrace apply --let-go ${view.name}\` lets them go.`,
  })
}

function textOf({ key }: View, bound: KeepBound): string {
  return boundText(key[timePartsOf(key)[0]!]!, bound)
}
