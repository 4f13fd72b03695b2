import { pino } from 'pino'
import type { ChangeLog } from '../../src/consume/change-source.ts'
import { decodeRecordBatches } from '../../src/consume/kafka/kafkajs-internals.ts'
import { kafkaChangeLog } from '../../src/consume/kafka/kafka-change-log.ts'
import type { KafkaOffset } from '../../src/position.ts'
import { FakeBroker, fakeTopic } from '../support/fake-brokers.ts'
import { withLogReader } from '../support/kafka-worker.ts'

const log = pino({ level: 'silent' })
let brokers: readonly FakeBroker[] = []
let changeLog: ChangeLog | undefined

afterEach(async () => {
  await changeLog?.close()
  for (const broker of brokers) broker.stop()
})

/** The same two records at offset 100, as Kafka's own client (4.2.1) compresses them. */
const batches = {
  none:
    'AAAAAAAAAGQAAABo/////wKsu5eRAAAAAAABAAABi8/laAAAAAGLz+VoAf//////////////////AAAAAkwAAAAGa2V5' +
    'OnZhbHVlIHZhbHVlIHZhbHVlIHZhbHVlIHZhbHVlAB4AAgIIa2V5MgpvdGhlcgA=',
  gzip:
    'AAAAAAAAAGQAAABm/////wKBtjUOAAEAAAABAAABi8/laAAAAAGLz+VoAf//////////////////AAAAAh+LCAAAAAAA' +
    'AP/zYWBgYMtOrbQqS8wpTVXAQTLIMTAxcQCVGXHll2SkFjEAAOBB5wM3AAAA',
  zstd:
    'AAAAAAAAAGQAAABk/////wKLBsIPAAQAAAABAAABi8/laAAAAAGLz+VoAf//////////////////AAAAAii1L/0AWDwB' +
    'AAQCTAAAAAZrZXk6dmFsdWUgAB4AAgIIa2V5MgpvdGhlcgABAKlLHQEAAA==',
  snappy:
    'AAAAAAAAAGQAAABr/////wKetb9nAAIAAAABAAABi8/laAAAAAGLz+VoAf//////////////////AAAAAoJTTkFQUFkA' +
    'AAAAAQAAAAEAAAAmNzhMAAAABmtleTp2YWx1ZSBaBgBAAB4AAgIIa2V5MgpvdGhlcgA=',
  lz4:
    'AAAAAAAAAGQAAABn/////wK9dNaBAAMAAAABAAABi8/laAAAAAGLz+VoAf//////////////////AAAAAgQiTRhgQIIn' +
    'AAAA/wBMAAAABmtleTp2YWx1ZSAGAATwAgAeAAICCGtleTIKb3RoZXIAAAAAAA==',
} as const

type Name = keyof typeof batches

const bytesOf = (name: Name) => Buffer.from(batches[name], 'base64')

/** With other bytes where the compressed ones begin. */
const damaged = (name: Name) => bytesOf(name).fill(7, headerBytes)
const headerBytes = 61

describe('records that are compressed', () => {
  it.each(['none', 'gzip', 'zstd'] as const)('with %s are read', async (name) => {
    const records = await decodeRecordBatches(bytesOf(name))
    expect(
      records.map(({ offset, key, value }) => [offset, key?.toString(), value?.toString()]),
    ).toEqual([
      ['100', 'key', 'value value value value value'],
      ['101', 'key2', 'other'],
    ])
  })

  it.each([
    ['snappy', bytesOf('snappy')],
    ['lz4', bytesOf('lz4')],
    ['gzip, and damaged', damaged('gzip')],
    ['zstd, and damaged', damaged('zstd')],
  ] as const)('with %s are a fault that says so and names the cure', async (name, records) => {
    const belief = { topicId: 'w-F3AyyHR8KE0yKRkU60TA', leader: 1, epoch: 5, replicas: [1] }
    brokers = await FakeBroker.start(1, { ...belief, end: 102n, records })
    changeLog = kafkaChangeLog({
      brokers: [`127.0.0.1:${brokers[0]!.port}`],
      recordsMax: 10,
      log,
    })
    await withLogReader(changeLog, fakeTopic, async (reader) => {
      reader.seek(100n as KafkaOffset)
      await expect(reader.next(5_000)).rejects.toMatchObject({
        code: 'kafka-compression',
        waitsForPeople: true,
        message: expect.stringContaining('users/0 at 100'),
        cause: expect.objectContaining({ message: `records are compressed with ${name}` }),
        hint: expect.stringContaining('compression.type of the topic'),
      })
    })
  })
})
