import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { jest } from '@jest/globals'
import { pino, type Logger } from 'pino'
import type { Batch } from '../../src/consume/change-source.ts'
import { kafkaChangeLog } from '../../src/consume/kafka/kafka-change-log.ts'
import { kafkaChangeSource } from '../../src/consume/kafka/kafka-change-source.ts'
import { kafkaServer, type TestServer } from '../support/chain.ts'
import { numbered, TestTopics } from '../support/kafka-topics.ts'
import { readToEnd, valuesOf, withLogReader, withReader } from '../support/kafka-worker.ts'
import { until } from '../support/wait.ts'

jest.setTimeout(150_000)

let server: TestServer
let topics: TestTopics

beforeAll(async () => {
  server = await kafkaServer({
    settings: { 'log.cleaner.backoff.ms': '100', 'log.initial.task.delay.ms': '100' },
  })
  topics = new TestTopics(server.url)
})

afterAll(async () => {
  await topics?.close()
  await server?.stop()
})

const compacted = {
  'cleanup.policy': 'compact',
  'segment.bytes': '1048576',
  'min.cleanable.dirty.ratio': '0.001',
  'min.compaction.lag.ms': '0',
  'max.compaction.lag.ms': '100',
}

/** Too big for the segment before it, which is closed by that and so can be compacted. */
const active = { key: 'active', value: 'c'.repeat(700_000), partition: 0 }

/** A batch without records is 61 bytes of header. */
const emptiedBatchBytes = 61

describe('a compacted partition', () => {
  it('is read past a segment that holds only an emptied batch', async () => {
    const topic = await topics.create(1, compacted)
    const keys = numbered('key', 95)
    const write = (text: string) =>
      topics.idempotent(
        topic,
        keys.map((key) => ({ key, value: text.repeat(10_000), partition: 0 })),
      )
    // Compaction takes all records of the first producer's batch and keeps what remembers it.
    await write('a')
    await write('b')
    await topics.idempotent(topic, [active])
    const first = join(server.chain.folders.data, 'kafka', `${topic}-0`, `${'0'.repeat(20)}.log`)
    await until('compacted', () => sizeOf(first) === emptiedBatchBytes, 30_000)

    await expectRead(topic, 96)
  })

  it('is read past the tail that a batch has lost, in one step', async () => {
    const topic = await topics.create(1, compacted)
    const keys = numbered('key', 60)
    const big = 'x'.repeat(10_000)
    await topics.idempotent(topic, [
      { key: 'kept', value: big, partition: 0 },
      ...keys.map((key) => ({ key, value: big, partition: 0 })),
    ])
    await topics.idempotent(
      topic,
      keys.map((key) => ({ key, value: big, partition: 0 })),
    )
    await topics.idempotent(topic, [active])
    const folder = join(server.chain.folders.data, 'kafka', `${topic}-0`)
    const size = () => readdirSync(folder).reduce((sum, name) => sum + logSize(folder, name), 0)
    await until('compacted', () => size() < 62 * 10_000 + 700_000, 30_000)

    await expectRead(topic, 1 + 60 + 1)
  })
})

function logSize(folder: string, name: string): number {
  return name.endsWith('.log') ? sizeOf(join(folder, name)) : 0
}

/** Endless for a moment in which the cleaner has taken a segment away and not yet put it back. */
function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? Number.POSITIVE_INFINITY
}

/** Reads all of partition 0 by either reader, and counts its fetches in the log that it writes. */
async function expectRead(topic: string, records: number): Promise<void> {
  for (const read of [readAsMember, readFromLog]) {
    let fetches = 0
    const lines = new Writable({
      write(line: Buffer, _encoding, done) {
        if (line.includes('Request Fetch(')) fetches += 1
        done()
      },
    })
    const batches = await read(topic, pino({ level: 'trace' }, lines))
    expect(valuesOf(batches)).toHaveLength(records)
    expect(fetches).toBeGreaterThan(0)
    expect(fetches).toBeLessThan(10)
  }
}

function readAsMember(topic: string, log: Logger): Promise<Batch[]> {
  const member = { groupId: `group-${topic}`, topic, sessionTimeoutMs: 6_000, recordsMax: 500 }
  const source = kafkaChangeSource({ brokers: [server.url], ...member, log })
  return withReader(source, (reader) => readToEnd(reader))
}

async function readFromLog(topic: string, log: Logger): Promise<Batch[]> {
  const changeLog = kafkaChangeLog({ brokers: [server.url], recordsMax: 500, log })
  const batches = await withLogReader(changeLog, topic, (reader) => readToEnd(reader))
  await changeLog.close()
  return batches
}
