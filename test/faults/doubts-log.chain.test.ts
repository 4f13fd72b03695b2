/**
 * A log that can't be continued from: the view is moved to a new barrier by itself, and looks find
 * what was left out. Readers are served all the time.
 */
import { createRequire } from 'node:module'
import { jest } from '@jest/globals'
import type { Chain } from '../../src/dev/chain.ts'
import type { AlwaysThere } from '../support/always-there.ts'
import { ChainHarness } from '../support/chain-harness.ts'
import { chainTimeoutMs, startTestChain, stopTestChain } from '../support/chain.ts'
import { addPartitions, tables, topicOf, type Table } from '../support/change-log.ts'
import { untilCapturing } from '../support/connect.ts'
import { TestTopics } from '../support/kafka-topics.ts'
import { sleep, until } from '../support/wait.ts'

const require = createRequire(import.meta.url)
const { ConfigResourceTypes, Kafka, logLevel } = require('kafkajs') as typeof import('kafkajs')

jest.setTimeout(240_000)

let chain: Chain
let topics: TestTopics
let harness: ChainHarness
let reader: AlwaysThere

beforeAll(async () => {
  chain = await startTestChain({
    seed: true,
    kafkaSettings: { 'log.cleaner.backoff.ms': '100', 'log.initial.task.delay.ms': '100' },
  })
  topics = new TestTopics(chain.urls.kafka)
  harness = await ChainHarness.open({ chain })
  harness.startWorker()
  await harness.untilServing()
  reader = await harness.reader()
}, chainTimeoutMs)

afterAll(async () => {
  await topics?.close()
  await harness?.close()
  if (chain) await stopTestChain(chain)
}, 60_000)

afterEach(() => {
  expect(reader.faults()).toEqual([])
})

test('the log begins beyond the checkpoints: records deleted while the worker was down', async () => {
  const reason = await doubted('log-start-passed', async () => {
    await whileDown(async () => {
      for (const table of tables) await deleteRecords(table)
    })
  })
  expect(reason).toContain('the log begins at')
  expect((await harness.standing()).wrong).toBeGreaterThan(0)
})

test('compaction may have taken changes while the worker was down', async () => {
  const { wrong } = await harness.standing()
  await alterTopic('likes', { 'cleanup.policy': 'compact', 'min.compaction.lag.ms': '2000' })
  await reader.untilDoubted('topic-altered')
  await harness.untilEqual()
  const reason = await doubted('compaction-overtaken', () =>
    whileDown(async () => {
      await harness.sql('delete from likes where user_id < 20')
      await sleep(4_000)
    }),
  )
  expect(reason).toContain('compaction may have taken changes')
  await alterTopic('likes', { 'cleanup.policy': 'delete' })
  await reader.untilDoubted('topic-altered')
  await harness.untilEqual()
  expect((await harness.standing()).wrong).toBeGreaterThan(wrong)
})

test('partitions added to a topic', async () => {
  const reason = await doubted('partitions-changed', () => addPartitions(chain, 'likes', 8))
  expect(reason).toContain('has 8 partitions, it had 4')
  await untilCheckpoints('likes', 8)
})

test('a topic deleted and made anew, with another number of partitions', async () => {
  const reason = await doubted('another-log', () =>
    topics.recreate(topicOf(chain, 'likes'), 6).then(() => undefined),
  )
  expect(reason).toMatch(/was deleted and made anew|the log ends at/)
  await untilCheckpoints('likes', 6)
})

test('all topics deleted and made anew while the worker was down', async () => {
  await doubted('another-log', () =>
    whileDown(async () => {
      for (const table of tables) await topics.recreate(topicOf(chain, table), 4)
    }),
  )
  for (const table of tables) await untilCheckpoints(table, 4)
})

test('at the end no entry was ever missing or half, and no watermark fell', async () => {
  await reader.stop()
})

/** Does it under traffic; readers are told, and all is equal again by itself. */
async function doubted(code: string, act: () => Promise<void>): Promise<string> {
  reader.forget()
  const { epoch } = await harness.standing()
  const traffic = harness.traffic(100)
  await sleep(500)
  await act()
  const reason = await reader.untilDoubted(code, 60_000)
  await until(
    'the doubt ends under traffic',
    async () => !(await harness.doubts()).some((each) => each.code === code),
    60_000,
  )
  await traffic.stop()
  await untilCapturing(chain)
  await harness.untilEqual()
  expect((await harness.standing()).epoch).not.toBe(epoch)
  return reason
}

async function whileDown(act: () => Promise<void>): Promise<void> {
  await chain.kill('worker-a')
  await sleep(1_000)
  await act()
  chain.startAgain('worker-a')
}

/** Deletes everything that a table's topic holds now. */
async function deleteRecords(table: Table): Promise<void> {
  const topic = topicOf(chain, table)
  const ends = await withAdmin((admin) => admin.fetchTopicOffsets(topic))
  for (const { partition, high } of ends) {
    await topics.deleteRecords(topic, partition, BigInt(high))
  }
}

async function alterTopic(table: Table, entries: Readonly<Record<string, string>>): Promise<void> {
  const configEntries = Object.entries(entries).map(([name, value]) => ({ name, value }))
  const type = ConfigResourceTypes.TOPIC
  const resource = { type, name: topicOf(chain, table), configEntries }
  await withAdmin((admin) => admin.alterConfigs({ validateOnly: false, resources: [resource] }))
}

async function withAdmin<T>(work: (admin: import('kafkajs').Admin) => Promise<T>): Promise<T> {
  const admin = new Kafka({ brokers: [chain.urls.kafka], logLevel: logLevel.NOTHING }).admin()
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}

/** Waits until the view knows so many partitions of a table's topic, and no others. */
async function untilCheckpoints(table: Table, count: number): Promise<void> {
  const prefix = `${topicOf(chain, table)}/`
  await until(`${count} partitions are known`, async () => {
    const names = await harness.redis.hkeys('millrace:user-information:checkpoints')
    return names.filter((name) => name.startsWith(prefix)).length === count
  })
}
