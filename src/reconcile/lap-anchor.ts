import { MillraceError } from '../errors.ts'
import type { StandingDoubt } from '../store/state.ts'
import { anchorOf } from './anchor.ts'
import type { Sheet } from './look.ts'
import { reaches, type PassState } from './pass-state.ts'
import type { Plan } from './plan.ts'
import { anchorOfSheet } from './steps.ts'

/**
 * What a lap stands behind, by its first look. Changes that were never captured are seen by its looks
 * only if whoever made them has ended, also one that was idle: so the barrier's number is that of one
 * before which nobody had begun who was still at it. Throws where none of the doubts that the lap is
 * `needed` for would be ended.
 */
export function anchorOfLap(
  plan: Pick<Plan, 'watch'>,
  { truth }: Pick<Sheet, 'truth'>,
  needed: readonly StandingDoubt[],
): NonNullable<PassState['anchor']> {
  const { from } = anchorOfSheet(plan, { truth })
  const { history, snapshot } = truth
  const settled = anchorOf({ history, horizon: snapshot.xmin }, plan.watch.barriers)
  const anchor = { number: settled?.number ?? 0, from: new Map(from) }
  if (needed.length === 0 || needed.some((doubt) => reaches(anchor, doubt))) return anchor
  throw new MillraceError(
    'look-behind',
    `transaction ${snapshot.xmin} is open since before what is doubted, so looks can't end it`,
    { hint: 'End the session that runs it (pg_stat_activity.backend_xid), or wait for it.' },
  )
}
