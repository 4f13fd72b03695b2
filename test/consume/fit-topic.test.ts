import { refuseUnfitTopic } from '../../src/consume/fit-topic.ts'

const brokers = ['one:9092', 'two:9092']
const fit = { compactionLagMs: 86_400_000, cleanupPolicy: 'compact' }

test('a compacted topic with a lag, however short, is fit', () => {
  expect(() => refuseUnfitTopic('users', fit, brokers)).not.toThrow()
  expect(() => refuseUnfitTopic('users', { ...fit, compactionLagMs: 1 }, brokers)).not.toThrow()
})

test.each([
  ['min.compaction.lag.ms = 0', { compactionLagMs: 0 }, 'min.compaction.lag.ms=86400000'],
  ['cleanup.policy = delete', { cleanupPolicy: 'delete' }, 'cleanup.policy=compact'],
  [
    'cleanup.policy = compact,delete',
    { cleanupPolicy: 'compact,delete' },
    'cleanup.policy=compact',
  ],
  [
    'cleanup.policy = delete',
    { compactionLagMs: 0, cleanupPolicy: 'delete' },
    'min.compaction.lag.ms=86400000,cleanup.policy=compact',
  ],
])('a topic with %s is refused, with the command that mends it', (named, wrong, mend) => {
  const unfit = expect.objectContaining({
    code: 'topic-unfit',
    retriable: true,
    message: expect.stringMatching(new RegExp(`^topic users has .*${named}`)),
    hint: expect.stringContaining(
      'kafka-configs.sh --bootstrap-server one:9092,two:9092 --alter ' +
        `--entity-type topics --entity-name users --add-config ${mend};`,
    ),
  })
  expect(() => refuseUnfitTopic('users', { ...fit, ...wrong }, brokers)).toThrow(unfit)
})
