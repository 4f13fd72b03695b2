import { randomUUID } from 'node:crypto'
import { jest } from '@jest/globals'
import { pino } from 'pino'
import type { TopicAdmin } from '../../src/consume/change-source.ts'
import { kafkaTopicAdmin } from '../../src/consume/kafka/topic-admin.ts'
import { kafkaServer, type TestServer } from '../support/chain.ts'
import { numbered, TestTopics } from '../support/kafka-topics.ts'
import { until } from '../support/wait.ts'

jest.setTimeout(150_000)

const log = pino({ level: 'silent' })
const callTimeoutMs = 2_000
let server: TestServer
let topics: TestTopics
let admin: TopicAdmin

beforeAll(async () => {
  server = await kafkaServer()
  topics = new TestTopics(server.url)
  admin = kafkaTopicAdmin({ brokers: [server.url], log, callTimeoutMs })
})

afterAll(async () => {
  await admin?.close()
  await topics?.close()
  await server?.stop()
})

describe('kafkaTopicAdmin', () => {
  it('creates what is missing with its settings, and leaves what is there', async () => {
    const [old, young] = [randomUUID(), randomUUID()]
    const spec = (topic: string, partitions: number, lagMs: string) => {
      const settings = { 'cleanup.policy': 'compact', 'min.compaction.lag.ms': lagMs }
      return { topic, partitions, settings }
    }
    await admin.create([spec(old, 4, '86400000')])
    await admin.create([spec(old, 8, '1'), spec(young, 2, '60000')])
    expect(await admin.partitions([old, young, 'none'])).toEqual({ [old]: 4, [young]: 2 })
    expect(await admin.settings([old, young])).toEqual({
      [old]: { compactionLagMs: 86_400_000, cleanupPolicy: 'compact' },
      [young]: { compactionLagMs: 60_000, cleanupPolicy: 'compact' },
    })
    const both = { 'min.compaction.lag.ms': '0', 'cleanup.policy': 'compact,delete' }
    const other = { topic: randomUUID(), partitions: 1, settings: both }
    await admin.create([other])
    const found = { [other.topic]: { compactionLagMs: 0, cleanupPolicy: 'compact,delete' } }
    expect(await admin.settings([other.topic])).toEqual(found)
  })

  it('answers high watermarks, which an open transaction does not hold back', async () => {
    const [one, two] = [await topics.create(2), await topics.create(1)]
    await topics.write(one, numbered('v', 3), 1)
    const open = await topics.transaction(two, numbered('v', 5), 'open')
    const ends = Object.fromEntries(await admin.ends([one, two]))
    expect(ends).toEqual({ [`${one}/0`]: 0n, [`${one}/1`]: 3n, [`${two}/0`]: 5n })
    await open.commit()
    await until('control record', async () => (await admin.ends([two])).get(`${two}/0`) === 6n)
  })

  it('rejects with a retriable fault for a topic that does not exist', async () => {
    const missing = { code: 'topic-missing', retriable: true }
    await expect(admin.ends([randomUUID()])).rejects.toMatchObject(missing)
    await expect(admin.settings([randomUUID()])).rejects.toMatchObject(missing)
    expect(await admin.partitions([randomUUID()])).toEqual({})
  })

  it('rejects in time while the broker is away or hangs, and answers when it is back', async () => {
    const topic = await topics.create(1)
    await admin.ends([topic])
    const away = { code: 'kafka-away', retriable: true }
    server.pause()
    const beforeMs = performance.now()
    await expect(admin.ends([topic])).rejects.toMatchObject(away)
    expect(performance.now() - beforeMs).toBeLessThan(callTimeoutMs + 500)
    server.resume()
    await until('answers again', () => answers(topic))
    await server.kill()
    await expect(admin.ends([topic])).rejects.toMatchObject(away)
    await expect(admin.partitions([topic])).rejects.toMatchObject(away)
    await server.start()
    await until('answers after the start', () => answers(topic))
    expect((await admin.ends([topic])).get(`${topic}/0`)).toBe(0n)
  })
})

function answers(topic: string): Promise<boolean> {
  return admin.ends([topic]).then(
    () => true,
    () => false,
  )
}
