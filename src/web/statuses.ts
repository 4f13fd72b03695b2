import type { Clock } from '../clock.ts'
import type { Config } from '../config.ts'
import { isEndangered, slotHint } from '../coordinate/fingerprint.ts'
import { unreachable } from '../errors.ts'
import type { Seen, ServedView } from './served-view.ts'
import { viewStatusOf, type ViewStatus } from './view-status.ts'

/**
 * Whether this process should be asked. It should while it can answer reads of any view: a view that
 * nobody can read takes no process out that serves others. A view that another process may well
 * serve does: one that is not known yet, or whose declaration is only brought in beside another.
 */
export type Readiness = {
  readonly status: 'ready' | 'unavailable'
  /** In words, what can't be read, and why. */
  readonly reasons: readonly string[]
  readonly views: readonly {
    readonly name: string
    readonly status: 'ready' | 'unavailable'
  }[]
}

/** Whether every view is as young as promised. */
export type Freshness = {
  readonly status: 'fresh' | 'stale'
  readonly reasons: readonly string[]
  readonly freshWithinMs: number
  readonly views: readonly (Pick<ViewStatus, 'name' | 'watermark' | 'ageMs'> & {
    readonly status: 'fresh' | 'stale'
  })[]
}

/** Everything. `degraded`: reads are answered while something wants the attention of people. */
export type Status = {
  readonly status: 'ready' | 'degraded' | 'unavailable'
  readonly reasons: readonly string[]
  readonly views: readonly ViewStatus[]
}

export type StatusesOptions = {
  readonly views: readonly ServedView[]
  readonly clock: Clock
  readonly config: Pick<Config, 'freshWithinMs' | 'onDoubt' | 'statusIntervalMs'>
}

/** How many polls may fail in a row before a store that answers no read either counts as away. */
const pollsMissedMax = 3

/** Says how the views are, from what is known of them: none of this asks a store. */
export class Statuses {
  readonly #options: StatusesOptions

  constructor(options: StatusesOptions) {
    this.#options = options
  }

  readiness(): Readiness {
    return this.#readinessOf(this.#views())
  }

  freshness(): Freshness {
    const found = this.#views().map((each) => ({ ...each, reasons: this.#staleReasons(each) }))
    const reasons = unique(found.flatMap((each) => each.reasons))
    return {
      status: reasons.length > 0 ? 'stale' : 'fresh',
      reasons,
      freshWithinMs: this.#options.config.freshWithinMs,
      views: found.map(({ view: { name, watermark, ageMs }, reasons: own }) => ({
        name,
        status: own.length > 0 ? 'stale' : 'fresh',
        watermark,
        ageMs,
      })),
    }
  }

  status(): Status {
    const found = this.#views()
    const views = found.map(({ view }) => view)
    const readiness = this.#readinessOf(found)
    const weak = views.flatMap((view) => [
      ...view.doubts.map(({ reason }) => `${inDoubt(view)}: ${reason}`),
      ...slotReasons(view),
      ...view.problems.map(({ place, message }) => `${place} stands still: ${message}`),
      ...(view.phase === 'serving' ? this.#ageReasons(view) : []),
    ])
    const reasons = unique([...readiness.reasons, ...weak])
    if (readiness.status === 'unavailable') return { status: 'unavailable', reasons, views }
    return { status: reasons.length > 0 ? 'degraded' : 'ready', reasons, views }
  }

  #views(): readonly Found[] {
    const { views, clock } = this.#options
    return views.map((served) => {
      const seen = served.seen()
      return { seen, view: viewStatusOf(served.own, seen, clock.wallMs()) }
    })
  }

  #readinessOf(views: readonly Found[]): Readiness {
    const found = views.map((each) => ({ ...each, reasons: this.#unreadReasons(each) }))
    const unread = found.filter(({ reasons }) => reasons.length > 0)
    const isOut = unread.length === found.length || unread.some(isServedElsewhere)
    return {
      status: isOut ? 'unavailable' : 'ready',
      reasons: unique(unread.flatMap(({ reasons }) => reasons)),
      views: found.map(({ view: { name }, reasons }) => ({
        name,
        status: reasons.length > 0 ? 'unavailable' : 'ready',
      })),
    }
  }

  #staleReasons({ seen, view }: Found): readonly string[] {
    return [
      ...this.#storeReasons(seen),
      ...phaseReasons(view, seen),
      ...(view.phase === 'serving' ? this.#ageReasons(view) : []),
    ]
  }

  #unreadReasons({ seen, view }: Found): readonly string[] {
    const refused = this.#options.config.onDoubt === 'refuse' ? view.doubts : []
    return [
      ...this.#storeReasons(seen),
      ...phaseReasons(view, seen),
      ...refused.map(({ reason }) => `${inDoubt(view)}: ${reason}`),
    ]
  }

  /** A call that is slow has not failed, and a store that is polled in vain may answer reads. */
  #storeReasons({ status, silentMs, failure }: Seen): readonly string[] {
    const why = failure === undefined ? '' : `: ${failure}`
    if (status === undefined) return [`the store has not answered yet${why}`]
    const boundMs = this.#options.config.statusIntervalMs * pollsMissedMax
    if (failure === undefined || silentMs <= boundMs) return []
    return [`the store has not answered for ${Math.round(silentMs)} ms${why}`]
  }

  #ageReasons({ name, ageMs }: ViewStatus): readonly string[] {
    const { freshWithinMs } = this.#options.config
    if (ageMs === null) return [`nothing is known about the age of the view ${name}`]
    if (ageMs < freshWithinMs) return []
    return [
      `the view ${name} is known to have what was committed ${ageMs} ms ago, ` +
        `and is promised to have it within ${freshWithinMs} ms`,
    ]
  }
}

type Found = { readonly seen: Seen; readonly view: ViewStatus }

/**
 * Whether another process may well answer what this one can't: this one has not asked the store yet,
 * or the view is served by another declaration than its own.
 */
function isServedElsewhere({ seen, view }: Found): boolean {
  if (view.phase === 'unknown') return seen.failure === undefined
  const { phase, declarations, watermark } = view
  return phase !== 'serving' && watermark !== null && declarations.some(({ complete }) => complete)
}

/** Several views may have the same to say. */
function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)]
}

/** Words for a view that readers can't have now. */
export function notServing(phase: 'absent' | 'building'): string {
  switch (phase) {
    case 'absent':
      return 'has not been begun yet'
    case 'building':
      return 'is being built and serves when it is complete'
    default:
      return unreachable(phase)
  }
}

function phaseReasons({ name, phase }: ViewStatus, { refused }: Seen): readonly string[] {
  if (phase === 'unknown' || phase === 'serving') return []
  if (refused) return [[refused.message, refused.hint ?? []].flat().join('. ')]
  return [`the view ${name} ${notServing(phase)}`]
}

function inDoubt({ name }: ViewStatus): string {
  return `entries of the view ${name} may be wrong`
}

function slotReasons({ slot }: ViewStatus): readonly string[] {
  if (!slot || !isEndangered(slot)) return []
  return [`the source is about to remove what the slot needs (${slot.walStatus}). ${slotHint}`]
}
