/** Markers on a real broker, in whatever partition the connector's key for them leads to. */
import { jest } from '@jest/globals'
import { systemClock } from '../../src/clock.ts'
import { kafkaChangeLog } from '../../src/consume/kafka/kafka-change-log.ts'
import { kafkaTopicAdmin } from '../../src/consume/kafka/topic-admin.ts'
import { MarkerLog, newMarker } from '../../src/consume/marker-log.ts'
import { createLog } from '../../src/log.ts'
import { TestTopics } from '../support/kafka-topics.ts'
import { kafkaServer, type TestServer } from '../support/chain.ts'

jest.setTimeout(60_000)

const log = createLog('silent', 'test')
let server: TestServer
let topics: TestTopics

beforeAll(async () => {
  server = await kafkaServer()
  topics = new TestTopics(server.url)
})

afterAll(async () => {
  await topics?.close()
  await server?.stop()
})

test('markers arrive from each of four partitions, and from one that is added', async () => {
  const topic = await topics.create(4)
  const brokers = [server.url]
  const admin = kafkaTopicAdmin({ brokers, log })
  const changeLog = kafkaChangeLog({ brokers, recordsMax: 500, log })
  const partitions = async () => (await admin.ends([topic])).size
  const markers = new MarkerLog({ changeLog, topic, partitions, clock: systemClock, log })
  const end = new AbortController()
  const [before, ...found] = Array.from({ length: 5 }, newMarker)
  await topics.write(topic, [before!], 2)
  const running = markers.run(end.signal)
  try {
    await markers.ready()
    for (const [partition, marker] of found.entries()) {
      await topics.write(topic, [`{"prefix":"millrace","content":"${marker}"}`], partition)
    }
    const late = AbortSignal.timeout(20_000)
    for (const marker of found) expect(await markers.arrival(marker, late)).toBe(true)
    expect(await markers.arrival(before!, AbortSignal.abort())).toBe(false)
    await topics.addPartitions(topic, 6)
    // A producer that knows of them from its beginning on.
    const producer = await topics.producer({})
    const added = newMarker()
    await producer.send({ topic, messages: [{ value: added, partition: 5 }] })
    expect(await markers.arrival(added, AbortSignal.timeout(20_000))).toBe(true)
  } finally {
    end.abort()
    await running
    await changeLog.close()
    await admin.close()
  }
})
