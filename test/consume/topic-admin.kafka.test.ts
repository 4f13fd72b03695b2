import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
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
    expect(await admin.describe([old, young, 'none'])).toEqual({
      [old]: described({ partitions: 4, compactionLagMs: 86_400_000 }),
      [young]: described({ partitions: 2, compactionLagMs: 60_000 }),
    })
  })

  it('lets several create the same topic at once', async () => {
    const spec = { topic: randomUUID(), partitions: 3, settings: {} }
    await Promise.all([1, 2, 3].map(() => admin.create([spec])))
    expect((await admin.describe([spec.topic]))[spec.topic]!.partitions).toBe(3)
  })

  it.each(['delete', 'compact', 'compact,delete'])('tells cleanup.policy %s', async (policy) => {
    const topic = await topics.create(1, { 'cleanup.policy': policy })
    const found = described({ compactionLagMs: 0, cleanupPolicy: policy })
    expect(await admin.describe([topic])).toEqual({ [topic]: found })
  })

  it('tells the id of a topic, which no restart changes and a topic made anew does not have', async () => {
    const [one, two] = [await topics.create(1), await topics.create(1)]
    const before = await admin.describe([one, two])
    expect(before[one]!.id).not.toBe(before[two]!.id)
    await server.kill()
    await server.start()
    await until('answers after the start', () => answers(one))
    expect(await admin.describe([one, two])).toEqual(before)
    await topics.recreate(one, 1)
    const after = await admin.describe([one, two])
    expect(after[one]!.id).toMatch(/^[\w-]{22}$/)
    expect(after[one]!.id).not.toBe(before[one]!.id)
    expect(after[two]).toEqual(before[two])
  })

  it('describes nothing where no topic is asked for, and topics of any number', async () => {
    expect(await admin.describe([])).toEqual({})
    const names = Array.from({ length: 30 }, () => randomUUID())
    const spec = (topic: string) => ({ topic, partitions: 1, settings: {} })
    await admin.create(names.map(spec))
    expect(Object.keys(await admin.describe(names)).toSorted()).toEqual(names.toSorted())
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
    expect(await admin.describe([randomUUID()])).toEqual({})
  })

  it('asks another broker when one does not answer', async () => {
    const topic = await topics.create(1)
    const accepting = createServer().listen(0, '127.0.0.1')
    await once(accepting, 'listening')
    const silent = `127.0.0.1:${(accepting.address() as AddressInfo).port}`
    for (const brokers of [
      ['127.0.0.1:1', server.url],
      [silent, server.url],
    ]) {
      const other = kafkaTopicAdmin({ brokers, log, callTimeoutMs })
      const found = () => other.describe([topic]).catch(() => ({}))
      await until('described', async () => Object.keys(await found()).length === 1)
      await other.close()
    }
    accepting.close()
  })

  it('rejects in time while the broker is away or hangs, and answers when it is back', async () => {
    const topic = await topics.create(1)
    await admin.ends([topic])
    const away = { code: 'kafka-away', retriable: true }
    server.pause()
    // The last of its threads may stop a moment later.
    await until('the broker hangs', async () => !(await answers(topic)))
    const beforeMs = performance.now()
    await expect(admin.ends([topic])).rejects.toMatchObject(away)
    expect(performance.now() - beforeMs).toBeLessThan(1.8 * callTimeoutMs)
    server.resume()
    await until('answers again', () => answers(topic))
    await server.kill()
    await expect(admin.ends([topic])).rejects.toMatchObject(away)
    await expect(admin.describe([topic])).rejects.toMatchObject(away)
    await server.start()
    await until('answers after the start', () => answers(topic))
    expect((await admin.ends([topic])).get(`${topic}/0`)).toBe(0n)
  })
})

function described(expected: object) {
  const id = expect.stringMatching(/^[\w-]{22}$/)
  return { id, partitions: 1, cleanupPolicy: 'compact', ...expected }
}

function answers(topic: string): Promise<boolean> {
  return admin.ends([topic]).then(
    () => true,
    () => false,
  )
}
