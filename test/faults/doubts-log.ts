/**
 * A log that can't be continued from: the view is moved to a new barrier by itself, and looks find
 * what was left out. Readers are served all the time.
 */
import { createRequire } from 'node:module'
import type { Chain } from '../../src/dev/chain.ts'
import { connectRest } from '../../src/source/connect-rest.ts'
import type { AlwaysThere } from '../support/always-there.ts'
import type { ChainHarness } from '../support/chain-harness.ts'
import { tables, topicOf, type Table } from '../support/change-log.ts'
import { untilCapturing } from '../support/connect.ts'
import type { TestTopics } from '../support/kafka-topics.ts'
import { sleep, until } from '../support/wait.ts'
import { doubted, type Scene } from './scene.ts'

const require = createRequire(import.meta.url)
const { ConfigResourceTypes, Kafka, logLevel } = require('kafkajs') as typeof import('kafkajs')

/** Far more than a running view is ever behind on a busy machine: that would be the same doubt. */
const compactionLagMs = 10_000

let chain: Chain
let topics: TestTopics
let harness: ChainHarness
let reader: AlwaysThere

export function describeLogDoubts(scene: () => Scene): void {
  beforeAll(() => {
    ;({ chain, topics, harness, reader } = scene())
  })

  test('the log begins beyond the checkpoints: records deleted while the worker was down', async () => {
    const { wrong } = await harness.standing()
    const reason = await restarted('log-start-passed', async () => {
      await whileDown(async () => {
        for (const table of tables) await deleteRecords(table)
      })
    })
    expect(reason).toContain('the log begins at')
    expect((await harness.standing()).wrong).toBeGreaterThan(wrong)
  })

  test('compaction may have taken changes while the worker was down', async () => {
    const { wrong } = await harness.standing()
    const kept = { 'min.compaction.lag.ms': String(compactionLagMs) }
    await alterTopic('likes', { 'cleanup.policy': 'compact', ...kept })
    await reader.untilDoubted('topic-altered')
    await harness.untilEqual()
    const reason = await restarted('compaction-overtaken', () =>
      whileDown(async () => {
        await harness.sql('delete from likes where user_id < 20')
        await sleep(compactionLagMs + 2_000)
      }),
    )
    expect(reason).toContain('compaction may have taken changes')
    await alterTopic('likes', { 'cleanup.policy': 'delete' })
    await reader.untilDoubted('topic-altered')
    await harness.untilEqual()
    expect((await harness.standing()).wrong).toBeGreaterThan(wrong)
  })

  test('partitions added to a topic', async () => {
    const reason = await restarted('partitions-changed', () =>
      topics.addPartitions(topicOf(chain, 'likes'), 8),
    )
    expect(reason).toContain('has 8 partitions, it had 4')
    await untilCheckpoints('likes', 8)
  })

  test('partitions added to the topic of markers are read, and nothing is in doubt', async () => {
    const before = await harness.standing()
    reader.forget()
    const name = chain.env.MILLRACE_CONNECTOR!
    const connect = connectRest({ connect: chain.urls.connect, name, callTimeoutMs: 10_000 })
    let count = 7
    await until('markers come in another partition', async () => {
      count += 1
      await topics.addPartitions(`${name}.message`, count)
      // A task that begins knows of them, and the markers' key leads to one of all.
      await connect.restart()
      await sleep(5_000)
      const ends = await withAdmin((admin) => admin.fetchTopicOffsets(`${name}.message`))
      return ends.some(({ partition, high }) => partition > 0 && high !== '0')
    })
    await harness.sql(`update users set name = 'marked' where user_id < 20`)
    await harness.untilExactSince(before)
    expect(reader.doubtsSeen).toEqual([])
  })

  test('a topic deleted and made anew, with another number of partitions', async () => {
    const reason = await restarted('another-log', () =>
      topics.recreate(topicOf(chain, 'likes'), 6).then(() => undefined),
    )
    expect(reason).toMatch(/was deleted and made anew|the log ends at/)
    await untilCheckpoints('likes', 6)
  })

  test('a quiet topic that nobody sees for a while, made anew with more partitions', async () => {
    const topic = topicOf(chain, 'likes')
    // What nothing was applied from since it was made can't tell that it is another one.
    await quietly('another-log', () => topics.recreate(topic, 4))
    await untilCheckpoints('likes', 4)
    const { wrong } = await harness.standing()
    const reason = await quietly('another-log', async () => {
      await topics.remove(topic)
      await reader.untilDoubted('source-unfit')
      await topics.create(8, {}, topic)
    })
    expect(reason).toContain('was deleted and made anew')
    await untilCheckpoints('likes', 8)
    await harness.sql(
      `insert into likes (user_id, tweet_id)
         select user_id, tweet_id from users, lateral (select tweet_id from tweets limit 5) t
         on conflict do nothing`,
    )
    const { epoch } = await harness.standing()
    await harness.untilExactSince({ epoch, wrong })
  })

  test('all topics deleted and made anew while the worker was down', async () => {
    await restarted('another-log', () =>
      whileDown(async () => {
        for (const table of tables) await topics.recreate(topicOf(chain, table), 4)
      }),
    )
    for (const table of tables) await untilCheckpoints(table, 4)
  })
}

/** All is equal again by itself, from a new barrier. Answers the reason that readers were told. */
async function restarted(code: string, act: () => Promise<void>): Promise<string> {
  const { epoch } = await harness.standing()
  const reason = await doubted({ harness, reader }, code, act)
  await untilCapturing(chain)
  await harness.untilEqual()
  expect((await harness.standing()).epoch).not.toBe(epoch)
  return reason
}

/** The same while nobody writes. */
async function quietly(code: string, act: () => Promise<void>): Promise<string> {
  reader.forget()
  await act()
  const reason = await reader.untilDoubted(code)
  await untilCapturing(chain)
  await harness.untilEqual()
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
