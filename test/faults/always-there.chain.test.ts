/**
 * One client reads without pause, through one API, while every doubt is brought about in turn. It is
 * refused only while the store itself is away, gets no half entry, finds whoever SQL has, and is told of each doubt. The
 * view is equal to SQL after each.
 */
import { jest } from '@jest/globals'
import { ChainHarness, mendedWithinMs, testTimeoutMs } from '../support/chain-harness.ts'
import { chainTimeoutMs, startTestChain, stopTestChain } from '../support/chain.ts'
import { TestTopics } from '../support/kafka-topics.ts'
import { copyOfRedis, untilRewritten } from '../support/redis-files.ts'
import { sleep, until } from '../support/wait.ts'
import { describeHistoryDoubts } from './doubts-history.ts'
import { describeLogDoubts } from './doubts-log.ts'
import { describeRecordDoubts } from './doubts-records.ts'
import { describeSourceDoubts } from './doubts-source.ts'
import type { Scene } from './scene.ts'

/** How often all of it is done; `MILLRACE_TEST_ROUNDS=4` and more for a client that reads for long. */
const rounds = Number(process.env.MILLRACE_TEST_ROUNDS ?? 1)
/** `MILLRACE_TEST_ROWS=1000000` for a transaction of a million changes. */
const rows = Number(process.env.MILLRACE_TEST_ROWS ?? 20_000)
/** A millisecond a row, which is several times what it takes. */
const hugeTimeoutMs = mendedWithinMs + rows
/** What a client may meet while the store is away, or was put back. */
const storeAway = ['refused', 'not ready', 'falling watermark'] as const

jest.setTimeout(2 * testTimeoutMs + 2 * hugeTimeoutMs)

let scene: Scene
let beganMs: number

beforeAll(async () => {
  const chain = await startTestChain({
    seed: true,
    api: true,
    kafkaSettings: { 'log.cleaner.backoff.ms': '100', 'log.initial.task.delay.ms': '100' },
  })
  const harness = await ChainHarness.open({ chain })
  harness.startWorker('worker-a', { MILLRACE_UNKNOWN_SCHEMA_MS: '1500' })
  await harness.untilServing()
  const reader = await harness.reader({ judgesMissing: true })
  scene = { chain, harness, reader, topics: new TestTopics(chain.urls.kafka) }
  beganMs = performance.now()
}, chainTimeoutMs)

afterAll(async () => {
  await scene?.topics.close()
  await scene?.harness.close()
  if (scene) await stopTestChain(scene.chain)
}, 60_000)

afterEach(() => {
  expect(scene.reader.faults()).toEqual([])
})

describe.each(Array.from({ length: rounds }, (_, index) => index + 1))('round %i', () => {
  describe('what is done to the source', () => describeSourceDoubts(() => scene))
  describe('what is done to the log', () => describeLogDoubts(() => scene))
  describe('what is written into the log', () => describeRecordDoubts(() => scene))
  describe('another past of the source', () => describeHistoryDoubts(() => scene))

  test(`one transaction of ${rows} changes and its undoing: no reader is refused, and nothing is in doubt`, async () => {
    const { harness, reader } = scene
    const before = await harness.standing()
    reader.forget()
    const traffic = harness.traffic(100)
    const first = 650_000_000
    await harness.sql(
      `insert into tweets (tweet_id, user_id) select ${first} + n, 1 + n % 40
         from generate_series(1, ${rows}) n`,
    )
    await harness.untilPassed(await harness.written(), hugeTimeoutMs)
    await harness.sql(
      `delete from tweets where tweet_id > ${first} and tweet_id <= ${first + rows}`,
    )
    await harness.untilPassed(await harness.written(), hugeTimeoutMs)
    await traffic.stop()
    await harness.untilExactSince(before)
    expect(reader.doubtsSeen).toEqual([])
  })

  test('the store put back to a copy of some seconds ago: the workers go back with it, and nothing is wrong', async () => {
    const { chain, harness, reader } = scene
    harness.startWorker('worker-b')
    const before = await harness.standing()
    await harness.redis.bgrewriteaof()
    await untilRewritten(harness.redis)
    const traffic = harness.traffic(200)
    await sleep(2_000)
    const putBack = copyOfRedis(chain)
    const copied = await harness.progress()
    await sleep(8_000)
    const lost = await harness.progress()
    expect(reader.faults()).toEqual([])
    await putBack()
    await until('the workers have made up for it', async () => (await harness.progress()) > lost)
    await sleep(2_000)
    await traffic.stop()
    expect(lost - copied).toBeGreaterThan(500n)
    await harness.untilExactSince(before)
    expect(reader.met('falling watermark')).toBeGreaterThan(0)
    reader.pardon(storeAway)
    await harness.stopWorker('worker-b')
  })
})

test('at the end the client was refused only while the store was away, and got no half entry', async () => {
  const { reader } = scene
  await reader.stop()
  const minutes = ((performance.now() - beganMs) / 60_000).toFixed(1)
  process.stdout.write(`always there: ${reader.answers} answers in ${minutes} minutes\n`)
})
