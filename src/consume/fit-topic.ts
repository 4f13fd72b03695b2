import { MillraceError } from '../errors.ts'
import type { TopicSettings } from './change-source.ts'

const dayMs = 86_400_000

/**
 * Throws `topic-unfit` where a view could go wrong in silence: without a lag compaction takes
 * changes that were not applied yet, and a topic that is not compacted alone loses rows in time or
 * grows without end. `brokers` are for the command in the hint.
 */
export function refuseUnfitTopic(
  topic: string,
  { compactionLagMs, cleanupPolicy }: TopicSettings,
  brokers: readonly string[],
): void {
  const wrong: string[] = []
  const mend: string[] = []
  if (compactionLagMs === 0) {
    wrong.push('min.compaction.lag.ms = 0, so compaction may take changes before they are applied')
    mend.push(`min.compaction.lag.ms=${dayMs}`)
  }
  if (cleanupPolicy !== 'compact') {
    wrong.push(`cleanup.policy = ${cleanupPolicy}, the view needs compact`)
    mend.push('cleanup.policy=compact')
  }
  if (wrong.length === 0) return
  throw new MillraceError('topic-unfit', `topic ${topic} has ${wrong.join(', and ')}`, {
    retriable: true,
    hint:
      `Run: kafka-configs.sh --bootstrap-server ${brokers.join(',')} --alter ` +
      `--entity-type topics --entity-name ${topic} --add-config ${mend.join(',')}; ` +
      'if it was so for a while, npm run rebuild.',
  })
}
