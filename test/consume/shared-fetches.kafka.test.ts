/** A reader keeps every promise while others of its process read the same partition beside it. */
import { jest } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import type { PartitionReader } from '../../src/consume/change-source.ts'
import { kafkaChangeSource } from '../../src/consume/kafka/kafka-change-source.ts'
import { SharedFetches } from '../../src/consume/kafka/shared-fetches.ts'
import { kafkaServer, type TestServer } from '../support/chain.ts'
import { numbered, TestTopics } from '../support/kafka-topics.ts'
import { Progress, startWorker, withReader } from '../support/kafka-worker.ts'
import { sleep, until } from '../support/wait.ts'
import { describePartitionReader } from './partition-reader-conformance.ts'

jest.setTimeout(150_000)

const callTimeoutMs = 2_000
const log = pino({ level: 'silent' })
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

type SourceOptions = { readonly fetches: SharedFetches; readonly recordsMax?: number }

/** Of a group of its own, which stays one while the broker restarts. */
function sourceOf(topic: string, { fetches, recordsMax = 500 }: SourceOptions) {
  const groupId = randomUUID()
  const limits = { recordsMax, sessionTimeoutMs: 20_000, callTimeoutMs }
  return kafkaChangeSource({ brokers: [server.url], groupId, topic, fetches, log, ...limits })
}

/** Reads on whatever happens, from the log's beginning, and from there again after each fault. */
async function readOn(reader: PartitionReader): Promise<void> {
  while (!reader.lost.aborted) {
    try {
      reader.seek((await reader.bounds()).start)
      for (;;) {
        await reader.next(200)
        if (reader.lost.aborted) return
      }
    } catch {
      await sleep(20)
    }
  }
}

describePartitionReader('a reader beside another one of the same partition', {
  server: () => server,
  topics: () => topics,
  callTimeoutMs,
  withReader: async ({ topic, recordsMax = 500 }, work) => {
    const [fetches, end] = [new SharedFetches(), new AbortController()]
    const beside = sourceOf(topic, { fetches })
      .run(readOn, end.signal)
      .catch(() => undefined)
    try {
      return await withReader(sourceOf(topic, { fetches, recordsMax }), work)
    } finally {
      end.abort()
      await beside
    }
  },
})

test('readers of several groups get every record once and in order, and share what they wait for', async () => {
  const [topic, fetches] = [await topics.create(1), new SharedFetches()]
  const shared = jest.spyOn(fetches, 'fetch')
  const all = Array.from({ length: 5 }, () => new Progress())
  // One of them is slow, so that it reads by itself now and then.
  const workers = all.map((progress, at) =>
    startWorker(sourceOf(topic, { fetches }), progress, () => sleep(at === 0 ? 40 : 0)),
  )
  await until('all of them read', () => workers.every(({ partitions }) => partitions.size === 1))
  const values = numbered('value', 300)
  for (const [at, value] of values.entries()) {
    if (at === 150) {
      await server.kill()
      await server.start()
    }
    await topics.write(topic, [value])
  }
  await until('all is read', () => all.every((progress) => progress.count() === values.length))
  for (const { values: read, faults } of all) expect([read.get(0), faults]).toEqual([values, []])
  const answers = await Promise.all(
    shared.mock.results.map(({ value }) => (value as Promise<object>).catch(() => undefined)),
  )
  const brought = answers.filter((answer) => answer !== undefined)
  // Five that wait for one get the very same answer.
  expect(new Set(brought).size).toBeLessThan(brought.length / 2)
  await Promise.all(workers.map((worker) => worker.stop()))
})
