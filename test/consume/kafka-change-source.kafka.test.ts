import { jest } from '@jest/globals'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { pino } from 'pino'
import { kafkaChangeSource } from '../../src/consume/kafka/kafka-change-source.ts'
import { kafkaServer, type TestServer } from '../support/chain.ts'
import { TestTopics } from '../support/kafka-topics.ts'
import { withReader } from '../support/kafka-worker.ts'
import { describeChangeSource, type Killable } from './change-source-conformance.ts'
import { describePartitionReader } from './partition-reader-conformance.ts'

jest.setTimeout(150_000)

const sessionTimeoutMs = 2_500
const callTimeoutMs = 2_000
const log = pino({ level: process.env.MILLRACE_LOG_LEVEL ?? 'silent' })
const children: Killable[] = []
let server: TestServer
let topics: TestTopics

beforeAll(async () => {
  server = await kafkaServer()
  topics = new TestTopics(server.url)
})

afterAll(async () => {
  await Promise.all(children.map((child) => child.kill()))
  await topics?.close()
  await server?.stop()
})

describePartitionReader('a reader of kafkaChangeSource', {
  server: () => server,
  topics: () => topics,
  callTimeoutMs,
  withReader: ({ topic, recordsMax = 500 }, work) => {
    const groupId = randomUUID()
    // A member stays one while the broker restarts.
    const options = { groupId, topic, recordsMax, sessionTimeoutMs: 20_000, callTimeoutMs }
    return withReader(kafkaChangeSource({ brokers: [server.url], log, ...options }), work)
  },
})

describeChangeSource('kafkaChangeSource', {
  server: () => server,
  topics: () => topics,
  sessionTimeoutMs,
  source: ({ topic, groupId = randomUUID(), recordsMax = 500 }) =>
    kafkaChangeSource({ brokers: [server.url], groupId, topic, sessionTimeoutMs, recordsMax, log }),
  member: async (groupId, topic, partitions) => {
    const script = join(import.meta.dirname, '../support/kafka-member.ts')
    const args = [script, server.url, groupId, topic, String(sessionTimeoutMs)]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const ended = once(child, 'exit')
    const killable = {
      kill: async () => {
        child.kill('SIGKILL')
        await ended
      },
    }
    children.push(killable)
    // Read on after that: a member whose output nobody takes would end by itself.
    const { promise, resolve, reject } = Promise.withResolvers<Killable>()
    child.stdout.on('data', (output: Buffer) => {
      if (String(output).split('\n').includes(String(partitions))) resolve(killable)
    })
    child.on('exit', () => reject(new Error(`a member ended before it had ${partitions}`)))
    return promise
  },
})
