import type { Truth } from '../source/source.ts'
import type { Barrier } from '../store/state.ts'
import { isAtLeast } from '../transaction.ts'

/**
 * The barrier from whose `from` on the log holds everything that the truth's snapshot does not see:
 * the newest one of the same history whose marker's transaction is below the horizon. What the
 * snapshot does not see has an id that is not below the horizon, or had not begun to commit when
 * the horizon was asked, so it stands behind that marker, and so does every record of it.
 * Undefined while an old transaction holds the horizon below every barrier that is known.
 */
export function anchorOf(
  { history, horizon }: Pick<Truth, 'history' | 'horizon'>,
  barriers: readonly Barrier[],
): Barrier | undefined {
  return barriers.findLast(
    (barrier) => barrier.history === history && barrier.transaction < horizon,
  )
}

/**
 * The first barrier behind whose end everything stands that the truth's snapshot sees: what its
 * marker's snapshot sees was written to the database's log before the marker, and that snapshot
 * sees all that the other one does. The id of the marker's transaction can't tell this: it is given
 * before the commit, which may wait while later transactions commit.
 */
export function passageOf(
  { history, snapshot }: Pick<Truth, 'history' | 'snapshot'>,
  barriers: readonly Barrier[],
): Barrier | undefined {
  return barriers.find(
    (barrier) => barrier.history === history && isAtLeast(barrier.snapshot, snapshot),
  )
}
