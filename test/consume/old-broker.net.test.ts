import { once } from 'node:events'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { pino } from 'pino'
import { kafkaChangeLog } from '../../src/consume/kafka/kafka-change-log.ts'
import { kafkaTopicAdmin } from '../../src/consume/kafka/topic-admin.ts'
import type { KafkaOffset } from '../../src/position.ts'
import { withLogReader } from '../support/kafka-worker.ts'

const log = pino({ level: 'silent' })
/** What a broker of Kafka 2.7 says that it understands, as far as it is asked for. */
const versions = [
  [1, 12],
  [2, 5],
  [3, 9],
  [18, 3],
  [32, 4],
] as const
let server: Server
let brokers: readonly string[]

beforeAll(async () => {
  server = createServer((client) => {
    client.on('error', () => undefined)
    client.on('data', (request) => client.write(answerTo(request)))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  brokers = [`127.0.0.1:${(server.address() as AddressInfo).port}`]
})

afterAll(() => {
  server?.close()
})

const refusal = {
  code: 'kafka-refused',
  retriable: false,
  message: expect.stringMatching(/knows Metadata up to version 9: this Kafka is too old$/),
  hint: expect.stringContaining('Kafka 3.1 or newer'),
}

test('a broker that knows no topic ids is refused, with what is needed instead', async () => {
  const admin = kafkaTopicAdmin({ brokers, log })
  await expect(admin.describe(['users'])).rejects.toMatchObject(refusal)
  await admin.close()
})

test('a reader of a broker that knows no topic ids says the same', async () => {
  const changeLog = kafkaChangeLog({ brokers, recordsMax: 10, log })
  await withLogReader(changeLog, 'users', async (reader) => {
    reader.seek(0n as KafkaOffset)
    await expect(reader.next(5_000)).rejects.toMatchObject(refusal)
  })
  await changeLog.close()
})

/** The answer to ApiVersions, whatever was asked. */
function answerTo(request: Buffer): Buffer {
  const answer = Buffer.alloc(4 + 4 + 2 + 4 + versions.length * 6 + 4)
  answer.writeInt32BE(answer.length - 4, 0)
  request.copy(answer, 4, 8, 12) // correlation
  answer.writeInt32BE(versions.length, 10)
  for (const [index, [key, most]] of versions.entries()) {
    answer.writeInt16BE(key, 14 + index * 6)
    answer.writeInt16BE(most, 18 + index * 6)
  }
  return answer
}
