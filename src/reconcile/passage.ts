import { bounded } from '../clock.ts'
import { MillraceError } from '../errors.ts'
import { decodeFingerprint, isSameDatabase } from '../coordinate/fingerprint.ts'
import type { Barrier } from '../store/state.ts'
import { passageOf } from './anchor.ts'
import type { LookParts } from './look.ts'
import type { Taken } from './steps.ts'

/** A marker that has not arrived by then tells of a connector that is behind, or elsewhere. */
const arrivalTimeoutMs = 60_000
/** A marker that is in the log is read from it within this time. */
const readAgainMs = 5_000

/** Waits for the markers of all sheets, and for a barrier that all their snapshots precede. */
export async function awaitPassage(
  parts: LookParts,
  sheets: readonly Taken[],
  signal: AbortSignal,
): Promise<Barrier> {
  const { watch, clock } = parts
  const late = bounded(clock, arrivalTimeoutMs, signal)
  for (const sheet of sheets) {
    if (await hasArrived(parts, sheet, late)) continue
    throw new MillraceError(
      'look-behind',
      late.aborted
        ? `the marker of a look has not arrived in the log within ${arrivalTimeoutMs / 1_000} s`
        : 'the log goes on behind the marker of a look, which is not in it',
      { hint: 'The connector is behind or away; GET /status and its log say more.' },
    )
  }
  const passage = await watch.until(late, () => {
    refuseOtherSetup(parts, sheets)
    const passages = sheets.map(({ truth }) => passageOf(truth, watch.barriers))
    const known = passages.filter((barrier) => barrier !== undefined)
    if (known.length < sheets.length) return undefined
    return known.reduce((a, b) => (a.number > b.number ? a : b))
  })
  if (passage) return passage
  throw new MillraceError(
    'look-behind',
    `no barrier was published within ${arrivalTimeoutMs / 1_000} s`,
    { hint: 'A worker that coordinates the view takes them; its log says what holds it up.' },
  )
}

/**
 * False where `signal` aborted before. Also once a barrier tells that the log has what was committed
 * after the marker: a slot that was made anew leaves out what stood between, and the marker with it.
 */
async function hasArrived(parts: LookParts, sheet: Taken, signal: AbortSignal): Promise<boolean> {
  const { markers, watch, clock } = parts
  const { marker, truth } = sheet
  while (!signal.aborted) {
    refuseOtherSetup(parts, [sheet])
    const isPassed = watch.barriers.some(
      ({ lsn, history }) => history === truth.history && lsn > truth.markerLsn,
    )
    if (await markers.arrival(marker, bounded(clock, readAgainMs, signal))) return true
    if (isPassed) return false
  }
  return false
}

/** The set-up that the source shows must be the one whose doubts are known. */
export function refuseOtherSetup({ watch, epoch }: LookParts, sheets: readonly Taken[]): void {
  const state = watch.state
  if (state?.epoch !== epoch) throw voided('the view has turned its epoch')
  const fingerprint = state.fingerprint && decodeFingerprint(state.fingerprint)
  if (!fingerprint || sheets.every(({ truth }) => isSameDatabase(fingerprint, truth))) return
  throw voided('the set-up of the source was altered')
}

export function voided(why: string): MillraceError {
  return new MillraceError('look-void', why)
}
