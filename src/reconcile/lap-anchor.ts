import type { Log } from '../log.ts'
import type { StandingDoubt } from '../store/state.ts'
import { anchorOf } from './anchor.ts'
import type { Sheet } from './look.ts'
import { reaches, type PassState } from './pass-state.ts'
import type { Plan } from './plan.ts'
import { anchorOfSheet } from './steps.ts'

type Lap = Pick<PassState, 'kind' | 'anchor' | 'held'>

export type LookedAt = {
  /** The first sheet of those that were looked at together. */
  readonly sheet: Pick<Sheet, 'truth'>
  /** Doubts that a lap at full pace may end. */
  readonly needed: readonly StandingDoubt[]
  readonly log: Log
}

/**
 * What a lap is once it has looked. Its first look says what it stands behind. As long as an old
 * transaction is open, that may be before all of the doubts that it is needed for: then it goes on at
 * the steady pace and ends none of them, until a look tells that another lap would.
 */
export function lapAfter(
  plan: Pick<Plan, 'watch'>,
  { kind, anchor, held }: Lap,
  { sheet, needed, log }: LookedAt,
): Lap {
  if (anchor && held.length === 0) return { kind, anchor, held }
  const present = anchorOfLap(plan, sheet)
  const begun = { kind, anchor: anchor ?? present, held: [] }
  if (kind === 'build' || needed.length === 0) return begun
  if (needed.some((doubt) => reaches(present, doubt))) return begun
  // Laps of a small view follow each other by the second.
  if (needed.some(({ id }) => !held.includes(id))) {
    const reason =
      `transaction ${sheet.truth.snapshot.xmin} is open since before what is doubted, ` +
      "so looks can't end it"
    const hint = 'End the session that runs it (pg_stat_activity.backend_xid), or wait for it.'
    log.warn({ code: 'look-behind', reason, hint }, 'laps end no doubt')
  }
  return { kind: 'steady', anchor: begun.anchor, held: needed.map(({ id }) => id) }
}

/**
 * Changes that were never captured are seen by looks only if whoever made them has ended, also one
 * that was idle: so the barrier's number is that of one before which nobody had begun who was still
 * at it.
 */
function anchorOfLap(
  plan: Pick<Plan, 'watch'>,
  { truth }: Pick<Sheet, 'truth'>,
): NonNullable<PassState['anchor']> {
  const { from } = anchorOfSheet(plan, { truth })
  const { history, snapshot } = truth
  const settled = anchorOf({ history, horizon: snapshot.xmin }, plan.watch.barriers)
  return { number: settled?.number ?? 0, from: new Map(from) }
}
