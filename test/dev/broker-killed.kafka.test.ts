/**
 * The chain's broker, killed while transactions end. Kafka 4.3.0 to 4.4.0 skip the markers of such a
 * transaction (KAFKA-20734): who reads committed records waits at it for ever, Connect among them.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { jest } from '@jest/globals'
import { pino } from 'pino'
import { kafkaChangeLog } from '../../src/consume/kafka/kafka-change-log.ts'
import type { KafkaOffset } from '../../src/position.ts'
import { kafkaServer, type TestServer } from '../support/chain.ts'
import { TestTopics } from '../support/kafka-topics.ts'
import { until } from '../support/wait.ts'

jest.setTimeout(400_000)

const partitions = 8
const producers = 40
const roundsMost = 10
const log = pino({ level: 'silent' })

let server: TestServer

beforeAll(async () => {
  // A transaction that was not about to end is aborted within seconds.
  const settings = { 'transaction.abort.timed.out.transaction.cleanup.interval.ms': '1000' }
  server = await kafkaServer({ settings })
}, 120_000)

afterAll(() => server?.stop(), 60_000)

test('a broker that is killed while transactions end writes their ends when it is back', async () => {
  const topics = new TestTopics(server.url)
  const topic = await topics.create(partitions)
  await topics.close()
  for (let round = 0; round < roundsMost && !hadEndsToWrite(); round += 1) {
    await killAmidTransactions(topic)
    await readToTheEnd(topic)
  }
  expect(hadEndsToWrite()).toBe(true)
})

/** Each producer ends one transaction after the other until the broker is killed, and its last after that. */
async function killAmidTransactions(topic: string): Promise<void> {
  const topics = new TestTopics(server.url)
  let ended = 0
  const killed = new AbortController()
  const produce = async (index: number): Promise<void> => {
    const producer = await topics.producer({
      transactionalId: `ender-${index}`,
      transactionTimeout: 5_000,
    })
    while (!killed.signal.aborted) {
      const transaction = await producer.transaction()
      const messages = Array.from({ length: partitions }, (_, partition) => {
        return { value: `${ended}`, partition }
      })
      await transaction.send({ topic, messages })
      await transaction.commit()
      ended += 1
    }
  }
  // Whatever a producer was told when the broker went: its transaction is over in the end.
  const all = Array.from({ length: producers }, (_, index) => produce(index).catch(() => undefined))
  await until('transactions end all the time', () => ended > 5 * producers, 60_000)
  await server.kill()
  killed.abort()
  await server.start()
  await Promise.all(all)
  await topics.close()
}

/** Whether a start of the broker found transactions of which it had promised the end. */
function hadEndsToWrite(): boolean {
  const text = readFileSync(join(server.chain.folders.logs, 'kafka.log'), 'utf8')
  return /Connection to node 1 .*TxnMarkerSenderThread/.test(text)
}

async function readToTheEnd(topic: string): Promise<void> {
  const changeLog = kafkaChangeLog({
    brokers: [server.url],
    log,
    callTimeoutMs: 5_000,
    recordsMax: 500,
  })
  try {
    const stop = new AbortController()
    for (let partition = 0; partition < partitions; partition += 1) {
      const reader = changeLog.reader({ topic, partition }, stop.signal)
      let next = 0n as KafkaOffset
      reader.seek(next)
      const isAtEnd = async () => {
        const { end } = await reader.bounds()
        while (next < end) {
          const batch = await reader.next(1_000)
          if (!batch) return false
          next = batch.next
        }
        return true
      }
      await until(`partition ${partition} is read to its end`, isAtEnd, 30_000)
    }
    stop.abort()
  } finally {
    await changeLog.close()
  }
}
