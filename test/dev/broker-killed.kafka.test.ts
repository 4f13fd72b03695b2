/**
 * The chain's broker, killed while transactions end. Kafka 4.3.0, 4.3.1 and 4.4.0 do not write the
 * transaction markers of one that was about to end (KAFKA-20734): it hangs, and consumers of committed
 * records, Connect among them, wait at it for ever.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { jest } from '@jest/globals'
import { pino } from 'pino'
import type { PartitionReader } from '../../src/consume/change-source.ts'
import { kafkaChangeLog } from '../../src/consume/kafka/kafka-change-log.ts'
import { withLogReader } from '../../src/consume/log-reader.ts'
import { recordsBelow } from '../../src/consume/records-below.ts'
import type { KafkaOffset } from '../../src/position.ts'
import { chainTimeoutMs, kafkaServer, type TestServer } from '../support/chain.ts'
import { TestTopics } from '../support/kafka-topics.ts'
import { slowness, until } from '../support/wait.ts'

jest.setTimeout(400_000 * slowness)

const partitions = 8
const producers = 40
const roundsMost = 10
/** More than one: those that are found may have all their markers, and lack only the note of it. */
const metAtLeast = 3
const log = pino({ level: 'silent' })

let server: TestServer

beforeAll(async () => {
  // A transaction that was not about to end is aborted within seconds.
  const settings = { 'transaction.abort.timed.out.transaction.cleanup.interval.ms': '1000' }
  server = await kafkaServer({ settings })
}, chainTimeoutMs)

afterAll(() => server?.stop(), 60_000)

test('a broker that is killed while transactions end writes their ends when it is back', async () => {
  const topics = new TestTopics(server.url)
  const topic = await topics.create(partitions)
  await topics.close()
  let met = 0
  for (let round = 0; round < roundsMost && met < metAtLeast; round += 1) {
    const before = brokersLog().length
    await killAmidTransactions(topic)
    if (foundPreparedTransactions(brokersLog().slice(before))) met += 1
    await readToTheEnd(topic)
  }
  expect(met).toBe(metAtLeast)
})

/** All producers end a transaction in one moment, and the broker is killed as soon as one has heard that it did. */
async function killAmidTransactions(topic: string): Promise<void> {
  const topics = new TestTopics(server.url)
  const begun = await Promise.all(
    Array.from({ length: producers }, async (_, index) => {
      const producer = await topics.producer({
        transactionalId: `ender-${index}`,
        transactionTimeout: 5_000,
        // kafkajs tries for ever otherwise.
        retry: { retries: 5 },
      })
      const transaction = await producer.transaction()
      const messages = Array.from({ length: partitions }, (_value, partition) => {
        return { value: `${index}`, partition }
      })
      await transaction.send({ topic, messages })
      return transaction
    }),
  )
  // Whatever a producer was told when the broker went: its transaction is over in the end.
  const ends = begun.map((transaction) => transaction.commit())
  await Promise.any(ends)
  await server.kill()
  await server.start()
  await Promise.allSettled(ends)
  await topics.close()
}

function brokersLog(): string {
  return readFileSync(join(server.chain.folders.logs, 'kafka.log'), 'utf8')
}

/**
 * Whether the broker that started found transactions that were decided and not known to have their
 * markers. It sends them to itself, and its port is not open yet: its client says so.
 */
function foundPreparedTransactions(text: string): boolean {
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
    const { signal } = new AbortController()
    for (let partition = 0; partition < partitions; partition += 1) {
      await withLogReader(
        changeLog,
        { partition: { topic, partition }, signal },
        async (reader) => {
          const isAtEnd = () => isReadToItsEnd(reader).catch(() => false)
          await until(`partition ${partition} is read to its end`, isAtEnd, 30_000 * slowness)
        },
      )
    }
  } finally {
    await changeLog.close()
  }
}

async function isReadToItsEnd(reader: PartitionReader): Promise<boolean> {
  const { end } = await reader.bounds()
  let read = 0n as KafkaOffset
  for await (const { position } of recordsBelow(reader, read, end)) {
    if (position === read) return false
    read = position
  }
  return true
}
