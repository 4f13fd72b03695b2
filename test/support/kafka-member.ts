/** A member of a group in a process of its own, for tests that kill one. Prints what it is given. */
import { pino } from 'pino'
import { kafkaChangeSource } from '../../src/consume/kafka/kafka-change-source.ts'
import { Progress, startWorker } from './kafka-worker.ts'

const [broker = '', groupId = '', topic = '', sessionTimeoutMs = ''] = process.argv.slice(2)
const log = pino({ level: 'silent' })
const source = kafkaChangeSource({
  brokers: [broker],
  groupId,
  topic,
  sessionTimeoutMs: Number(sessionTimeoutMs),
  recordsMax: 100,
  log,
})
const worker = startWorker(source, new Progress())
setInterval(() => process.stdout.write(`${worker.partitions.size}\n`), 50)
await worker.ended
