import type { TopicAdmin } from '../consume/change-source.ts'
import type { Barrier } from '../store/state.ts'
import type { Marks } from './marks.ts'

export type BarrierParts = {
  readonly marks: Pick<Marks, 'take'>
  readonly admin: Pick<TopicAdmin, 'ends'>
  readonly topics: readonly string[]
}

export type Taken = {
  readonly barrier: Barrier
  /** When its marker was begun, monotonic milliseconds. */
  readonly begunAtMs: number
}

/**
 * Takes a barrier. The order of the steps is what makes it true:
 *
 *   W  the end offsets, read before
 *   L  a marker transaction is committed to the source
 *      the marker arrives in the log: the database that was asked is the one that is captured
 *      the connector's committed offset passes L, as `Marks` tells: every change committed before L
 *      was acknowledged, and none that stands below W will ever be emitted again
 *   E  the end offsets, read after
 *
 * Everything committed before L stands below E, and nothing below W can come again above E. End
 * offsets are high watermarks, for commit markers reach partitions after the records that they
 * commit. Undefined when `signal` aborted before; rejects as `Marks.take` does.
 */
export async function takeBarrier(
  { marks, admin, topics }: BarrierParts,
  number: number,
  signal: AbortSignal,
): Promise<Taken | undefined> {
  const from = await admin.ends(topics)
  const marked = await marks.take(signal)
  if (!marked) return undefined
  const { lsn, transaction, snapshot, history, nowMs, begunAtMs } = marked
  const ends = await admin.ends(topics)
  const common = { number, lsn, transaction, snapshot, history }
  return { barrier: { ...common, from, ends, takenAtMs: nowMs }, begunAtMs }
}
