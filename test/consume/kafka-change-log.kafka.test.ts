import { jest } from '@jest/globals'
import { pino } from 'pino'
import type { ChangeLog } from '../../src/consume/change-source.ts'
import { fetchRequest, type Fetch } from '../../src/consume/kafka/fetch-request.ts'
import { kafkaChangeLog } from '../../src/consume/kafka/kafka-change-log.ts'
import { closeBroker, openBroker, send } from '../../src/consume/kafka/kafkajs-internals.ts'
import { metadataOf } from '../../src/consume/kafka/metadata.ts'
import type { KafkaOffset } from '../../src/position.ts'
import { kafkaServer, type TestServer } from '../support/chain.ts'
import { TestTopics } from '../support/kafka-topics.ts'
import { withLogReader } from '../support/kafka-worker.ts'
import { describePartitionReader } from './partition-reader-conformance.ts'

jest.setTimeout(150_000)

const callTimeoutMs = 2_000
const log = pino({ level: process.env.MILLRACE_LOG_LEVEL ?? 'silent' })
let server: TestServer
let topics: TestTopics
/** By the most records that a batch of theirs has. */
const changeLogs = new Map<number, ChangeLog>()

beforeAll(async () => {
  server = await kafkaServer()
  topics = new TestTopics(server.url)
})

afterAll(async () => {
  for (const changeLog of changeLogs.values()) await changeLog.close()
  await topics?.close()
  await server?.stop()
})

/** One for all tests, as in a worker: its connections are handed from reader to reader. */
function changeLogOf(recordsMax: number): ChangeLog {
  const known = changeLogs.get(recordsMax)
  if (known) return known
  const changeLog = kafkaChangeLog({ brokers: [server.url], recordsMax, callTimeoutMs, log })
  changeLogs.set(recordsMax, changeLog)
  return changeLog
}

describePartitionReader('a reader of kafkaChangeLog', {
  server: () => server,
  topics: () => topics,
  callTimeoutMs,
  withReader: ({ topic, recordsMax = 500 }, work) =>
    withLogReader(changeLogOf(recordsMax), topic, work),
})

test('a broker refuses a fetch that names another id or epoch than the partition has', async () => {
  const topic = await topics.create(1)
  await topics.write(topic, ['v'])
  const [host = '', port] = server.url.split(':')
  const broker = await openBroker(
    { host, port: Number(port) },
    { clientId: 'test', callTimeoutMs, log },
  )
  try {
    const { id, partitions } = (await metadataOf(broker, [topic])).topics.get(topic)!
    const { leaderEpoch } = partitions[0]!
    const common = { partition: 0, from: 0n as KafkaOffset, waitMs: 100, bytesMax: 1_000 }
    const fetch = (named: Pick<Fetch, 'topicId' | 'leaderEpoch'>) =>
      send(broker, fetchRequest({ ...common, ...named }))
    expect((await fetch({ topicId: id, leaderEpoch })).messages).toHaveLength(1)
    const otherId = { topicId: 'w-F3AyyHR8KE0yKRkU60TA', leaderEpoch }
    await expect(fetch(otherId)).rejects.toMatchObject({ type: 'UNKNOWN_TOPIC_ID' })
    const later = { topicId: id, leaderEpoch: leaderEpoch + 1 }
    await expect(fetch(later)).rejects.toMatchObject({ type: 'UNKNOWN_LEADER_EPOCH' })
  } finally {
    closeBroker(broker)
  }
})
