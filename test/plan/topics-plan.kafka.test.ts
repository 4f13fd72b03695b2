import { readConfig } from '../../src/config.ts'
import { runWorks } from '../../src/plan/prepare.ts'
import { withTools } from '../../src/plan/tools.ts'
import { topicsDraft } from '../../src/plan/topics-plan.ts'
import { text } from '../../src/types/declare.ts'
import { countOf, defineView, from } from '../../src/view/define-view.ts'
import { kafkaServer, type TestServer } from '../support/chain.ts'
import { kafkaTopicAdmin } from '../../src/consume/kafka/topic-admin.ts'
import { createLog } from '../../src/log.ts'

const shelves = defineView({
  name: 'shelves',
  key: { id: 'bigint' },
  row: from('Lager.Regale Ä', { key: 'id', fields: { label: text('label') } }),
  counts: { boxCount: countOf('boxes', { by: 'shelf' }) },
})

let server: TestServer

beforeAll(async () => {
  server = await kafkaServer()
}, 60_000)

afterAll(() => server?.stop())

function partsOf(env: Readonly<Record<string, string>> = {}) {
  const config = readConfig({
    MILLRACE_KAFKA: server.url,
    MILLRACE_CONNECTOR: 'lager',
    MILLRACE_TOPIC_PARTITIONS: '3',
    ...env,
  })
  return { project: { config, views: [shelves] } }
}

const draft = (parts = partsOf()) => withTools(parts, (tools) => topicsDraft(parts, tools))

test('topics that are missing are created with their settings, and those that are there stay', async () => {
  const admin = kafkaTopicAdmin({ brokers: [server.url], log: createLog('silent', 'test') })
  await admin.create([
    {
      topic: 'lager.public.boxes',
      partitions: 7,
      settings: { 'cleanup.policy': 'compact', 'min.compaction.lag.ms': '60000' },
    },
  ])
  const before = await draft()
  expect(before.faults).toEqual([])
  expect(before.works).toMatchObject([
    {
      where: 'kafka',
      what: 'create 3 topics',
      text: [
        'lager.Lager.Regale__: 3 partitions, cleanup.policy=delete, retention.ms=604800000, message.timestamp.type=LogAppendTime',
        'lager.message: 1 partition, cleanup.policy=delete, retention.ms=3600000, segment.ms=3600000',
        '__debezium-heartbeat.lager: 1 partition, cleanup.policy=delete, retention.ms=3600000, segment.ms=3600000',
      ],
    },
  ])
  const said: string[] = []
  expect(await runWorks(draft, (line) => void said.push(line))).toEqual([])
  expect(said).toEqual(['kafka: create 3 topics: ok'])
  expect(await draft()).toEqual({ works: [], faults: [], notes: [] })
  const topics = ['lager.Lager.Regale__', 'lager.public.boxes', 'lager.message']
  const described = await admin.describe(topics)
  expect(topics.map((topic) => described[topic])).toMatchObject([
    { partitions: 3, cleanupPolicy: 'delete' },
    { partitions: 7, cleanupPolicy: 'compact' },
    { partitions: 1, cleanupPolicy: 'delete' },
  ])
  await admin.close()
}, 60_000)

test('a topic from which compaction may take changes is in the way, with the command that mends it', async () => {
  const admin = kafkaTopicAdmin({ brokers: [server.url], log: createLog('silent', 'test') })
  const settings = { 'cleanup.policy': 'compact' }
  await admin.create([{ topic: 'other.public.boxes', partitions: 1, settings }])
  await admin.close()
  const { faults } = await draft(partsOf({ MILLRACE_CONNECTOR: 'other' }))
  expect(faults).toMatchObject([
    { where: 'kafka', table: 'boxes', cure: expect.stringContaining('kafka-configs.sh') },
  ])
}, 60_000)

test('a Kafka that is away is said, and is no bug', async () => {
  const parts = partsOf({ MILLRACE_KAFKA: '127.0.0.1:1', MILLRACE_CALL_TIMEOUT_MS: '1000' })
  expect(await draft(parts)).toMatchObject({
    works: [],
    faults: [{ where: 'kafka', answered: false }],
  })
}, 60_000)
