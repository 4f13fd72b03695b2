import type { TopicDescription } from '../../src/consume/change-source.ts'
import { refuseUnfitTopic } from '../../src/consume/fit-topic.ts'

const brokers = ['one:9092', 'two:9092']

function refuse(cleanupPolicy: string, compactionLagMs: number): void {
  const topic: TopicDescription = { id: 'id', partitions: 4, cleanupPolicy, compactionLagMs }
  refuseUnfitTopic('users', topic, brokers)
}

test.each(['compact', 'compact,delete', 'delete'])(
  '%s is fit with a lag, however short',
  (policy) => {
    expect(() => refuse(policy, 86_400_000)).not.toThrow()
    expect(() => refuse(policy, 1)).not.toThrow()
  },
)

test('delete alone is fit without a lag', () => {
  expect(() => refuse('delete', 0)).not.toThrow()
})

test.each(['compact', 'compact,delete', 'delete,compact', 'delete, compact'])(
  '%s without a lag is refused, with the command that mends it',
  (policy) => {
    const unfit = expect.objectContaining({
      code: 'topic-unfit',
      waitsForPeople: true,
      message: expect.stringContaining(
        `topic users has cleanup.policy = ${policy} and min.compaction.lag.ms = 0`,
      ),
      hint:
        'Run: kafka-configs.sh --bootstrap-server one:9092,two:9092 --alter ' +
        '--entity-type topics --entity-name users --add-config min.compaction.lag.ms=86400000',
    })
    expect(() => refuse(policy, 0)).toThrow(unfit)
  },
)
