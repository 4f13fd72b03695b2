import { MillraceError } from '../errors.ts'
import type { TopicDescription } from './change-source.ts'

const dayMs = 86_400_000

/**
 * Throws `topic-unfit` where a view could go wrong in silence: without a lag, compaction takes
 * changes that were not applied yet and leaves no trace of it. `brokers` are for the command in
 * the hint.
 */
export function refuseUnfitTopic(
  topic: string,
  { compactionLagMs, cleanupPolicy }: TopicDescription,
  brokers: readonly string[],
): void {
  if (!isCompacted(cleanupPolicy) || compactionLagMs > 0) return
  throw new MillraceError(
    'topic-unfit',
    `topic ${topic} has cleanup.policy = ${cleanupPolicy} and min.compaction.lag.ms = 0, ` +
      'so compaction may take changes before they are applied',
    {
      hint:
        `Run: kafka-configs.sh --bootstrap-server ${brokers.join(',')} --alter ` +
        `--entity-type topics --entity-name ${topic} --add-config min.compaction.lag.ms=${dayMs}`,
    },
  )
}

function isCompacted(cleanupPolicy: string): boolean {
  return cleanupPolicy.split(',').some((policy) => policy.trim() === 'compact')
}
