import type { TopicAdmin } from '../consume/change-source.ts'
import { backoff, type Clock } from '../clock.ts'
import { MillraceError } from '../errors.ts'
import { formatLsn, type Lsn } from '../position.ts'
import type { Connector } from '../source/connector.ts'
import type { SourceDatabase } from '../source/source-database.ts'
import type { Barrier } from '../store/store.ts'

export type BarrierParts = {
  readonly source: Pick<SourceDatabase, 'mark' | 'end'>
  readonly connector: Pick<Connector, 'committed'>
  readonly admin: TopicAdmin
  readonly topics: readonly string[]
  readonly clock: Clock
}

/**
 * Pauses between asking Connect whether it has passed the marker. Each answer costs it a reading of
 * its offsets topic: 15 ms where nothing else is to do, and it has much to do while it is behind.
 */
const askAgainFirstMs = 50
const askAgainMostMs = 500

/**
 * Takes a barrier. The order of the four steps is what makes it true:
 *
 *   W  the end offsets, read before
 *   L  a marker transaction is committed to the source
 *      Connect's committed offset passes L, with no snapshot under way in the same answer: every
 *      change committed before L was acknowledged by Kafka, and none written below W will ever be
 *      emitted again
 *   E  the end offsets, read after
 *
 * Everything committed before L stands below E, and nothing below W can come again above E. End
 * offsets are high watermarks, for commit markers reach partitions one by one. Resolves with
 * undefined when Connect has not passed the marker within `timeoutMs`.
 */
export async function takeBarrier(
  { source, connector, admin, topics, clock }: BarrierParts,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Barrier | undefined> {
  const takenAtMs = clock.wallMs()
  const deadline = clock.monotonicMs() + timeoutMs
  const from = await admin.ends(topics)
  const lsn = await source.mark()
  const pause = backoff(askAgainFirstMs, askAgainMostMs)
  for (;;) {
    const { commitLsn, snapshot } = await connector.committed()
    if (commitLsn !== undefined && commitLsn > lsn) await refuseAnotherSource(commitLsn, source)
    if (commitLsn !== undefined && commitLsn > lsn && !snapshot) break
    if (signal?.aborted || clock.monotonicMs() > deadline) return undefined
    await clock.sleep(pause.nextMs(), signal)
  }
  return { lsn, from, ends: await admin.ends(topics), takenAtMs }
}

/** A committed offset that the source's own log has not reached belongs to another source. */
async function refuseAnotherSource(commitLsn: Lsn, source: BarrierParts['source']): Promise<void> {
  const end = await source.end()
  if (commitLsn <= end) return
  throw new MillraceError(
    'another-source',
    `Connect has committed ${formatLsn(commitLsn)}, which the source database (now at ` +
      `${formatLsn(end)}) has not written`,
    {
      hint:
        'The connector reads another database, or this one was put back to an earlier state. ' +
        'Make the connector, its slot and its topics anew.',
    },
  )
}
