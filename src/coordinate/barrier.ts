import type { TopicAdmin } from '../consume/change-source.ts'
import { newMarker, type MarkerLog } from '../consume/marker-log.ts'
import { backoff, bounded, type Clock } from '../clock.ts'
import { MillraceError } from '../errors.ts'
import { formatLsn, type Lsn } from '../position.ts'
import type { Connect } from '../source/connect.ts'
import type { Marked, Source } from '../source/source.ts'
import type { Barrier } from '../store/state.ts'

export type BarrierParts = {
  readonly source: Pick<Source, 'mark'>
  readonly capture: CaptureProgress
  readonly admin: Pick<TopicAdmin, 'ends'>
  readonly markers: Pick<MarkerLog, 'ready' | 'arrival'>
  readonly topics: readonly string[]
  readonly clock: Clock
}

/** How far whatever captures the source has come. A connector and its offsets are one such. */
export type CaptureProgress = {
  /**
   * True when everything committed before `lsn` is acknowledged by the log, and nothing that stood
   * in the log before that LSN was written will ever be written to it again.
   */
  passed(lsn: Lsn): Promise<boolean>
}

/**
 * Pauses between asking whether the marker was passed. Each answer costs Connect a reading of its
 * offsets topic: 15 ms where nothing else is to do, and it has much to do while it is behind.
 */
const askAgainFirstMs = 20
const askAgainMostMs = 1_000

/**
 * Takes a barrier. The order of the steps is what makes it true:
 *
 *   W  the end offsets, read before
 *   L  a marker transaction is committed to the source
 *      the marker arrives in the log: the database that was asked is the one that is captured
 *      the connector's committed offset passes L: every change committed before L was acknowledged,
 *      and none that stands below W will ever be emitted again
 *   E  the end offsets, read after
 *
 * Everything committed before L stands below E, and nothing below W can come again above E. End
 * offsets are high watermarks, for commit markers reach partitions after the records that they
 * commit. Undefined when `signal` aborted before; rejects with `another-source` when the connector
 * goes on and the marker does not arrive within `timeoutMs`.
 */
export async function takeBarrier(
  parts: BarrierParts,
  number: number,
  { timeoutMs, signal }: Patience,
): Promise<Barrier | undefined> {
  const { admin, source, topics, markers } = parts
  await markers.ready()
  const from = await admin.ends(topics)
  const text = newMarker()
  const marked = await source.mark(text)
  if (!(await arrived(parts, text, marked, { timeoutMs, signal }))) return undefined
  if (!(await passed(parts, marked, { timeoutMs, signal }))) return undefined
  const { lsn, transaction, snapshot, history, nowMs } = marked
  const ends = await admin.ends(topics)
  return { number, lsn, transaction, snapshot, history, from, ends, takenAtMs: nowMs }
}

type Patience = { readonly timeoutMs: number; readonly signal: AbortSignal }

async function arrived(
  parts: BarrierParts,
  text: string,
  { lsn, history }: Marked,
  { timeoutMs, signal }: Patience,
): Promise<boolean> {
  const { markers, capture, clock } = parts
  while (!signal.aborted) {
    if (await markers.arrival(text, bounded(clock, timeoutMs, signal))) return true
    if (signal.aborted) return false
    await refuseOtherHistory(parts, history)
    if (!(await capture.passed(lsn))) continue
    // Acknowledged by the log, it can be read: at most the reader is a moment behind.
    if (await markers.arrival(text, bounded(clock, timeoutMs, signal))) return true
    throw new MillraceError(
      'another-source',
      `the connector has passed ${formatLsn(lsn)}, and the marker that the source database has ` +
        'written there did not arrive in the log',
      {
        hint:
          'The connector captures another database than MILLRACE_SOURCE names, or this one was ' +
          'put back to an earlier state, or the connector leaves out logical messages. ' +
          'See "When the source was put back" in the README.',
      },
    )
  }
  return false
}

async function passed(
  parts: BarrierParts,
  { lsn, history }: Marked,
  { timeoutMs, signal }: Patience,
): Promise<boolean> {
  const { capture, clock } = parts
  const pause = backoff(askAgainFirstMs, askAgainMostMs)
  let askedAtMs = clock.monotonicMs()
  while (!signal.aborted) {
    if (await capture.passed(lsn)) return true
    if (clock.monotonicMs() - askedAtMs >= timeoutMs) {
      await refuseOtherHistory(parts, history)
      askedAtMs = clock.monotonicMs()
    }
    await clock.sleep(pause.nextMs(), signal)
  }
  return false
}

/** Positions of a history that is over may never be reached in the one that follows. */
async function refuseOtherHistory({ source }: BarrierParts, history: string): Promise<void> {
  const found = await source.mark(newMarker())
  if (found.history === history) return
  throw new MillraceError(
    'another-source',
    `the source goes on another history (${found.history}, before ${history}) since the barrier was begun`,
    { hint: 'Another barrier is begun. If that does not end, see what the coordinator says.' },
  )
}

/** A connector's committed offset as such progress: none while it takes a snapshot. */
export function connectorProgress(connect: Pick<Connect, 'committed'>): CaptureProgress {
  return {
    async passed(lsn) {
      const { commitLsn, snapshot } = await connect.committed()
      return commitLsn !== undefined && commitLsn > lsn && !snapshot
    },
  }
}
