import { jest } from '@jest/globals'
import { pino } from 'pino'
import type { ChangeLog } from '../../src/consume/change-source.ts'
import { kafkaChangeLog } from '../../src/consume/kafka/kafka-change-log.ts'
import { closeBroker, openBroker } from '../../src/consume/kafka/kafkajs-internals.ts'
import { metadataOf } from '../../src/consume/kafka/metadata.ts'
import type { Decoder } from '../../src/decode/decoder.ts'
import type { MillraceError } from '../../src/errors.ts'
import type { KafkaOffset } from '../../src/position.ts'
import { gatherUnseen, type Reading } from '../../src/reconcile/unseen.ts'
import { parseSnapshot } from '../../src/transaction.ts'
import { KafkaProxy } from '../support/kafka-proxy.ts'
import { numbered, TestTopics } from '../support/kafka-topics.ts'
import { valuesOf, withLogReader } from '../support/kafka-worker.ts'
import { decoderOfTests, library } from '../support/library.ts'
import { sleep, until } from '../support/wait.ts'
import { checkpoint, offsets } from '../store/store-fixture.ts'

jest.setTimeout(150_000)

const log = pino({ level: 'silent' })
const callTimeoutMs = 2_000
let proxy: KafkaProxy
let topics: TestTopics
let topic: string
let changeLog: ChangeLog

beforeAll(async () => {
  proxy = await KafkaProxy.start()
  topics = new TestTopics(proxy.url)
  topic = await topics.create(20)
  for (let partition = 0; partition < 20; partition += 1) {
    await topics.write(topic, numbered(`${partition}`, 500), partition)
  }
  await topics.close()
})

beforeEach(async () => {
  await until('others are gone', () => proxy.open === 0)
  changeLog = changeLogWith({})
})

afterEach(async () => {
  proxy.cutsFetches = false
  await changeLog?.close()
})

afterAll(async () => {
  await proxy?.stop()
})

describe('connections of kafkaChangeLog', () => {
  it('are one for each of twenty readers and one for all, and are used again', async () => {
    const before = proxy.made
    await readAll()
    expect(proxy.made - before).toBe(21)
    // The last fetch of each waits at the broker before its connection is free.
    await sleep(500)
    await readAll()
    await sleep(500)
    expect(proxy.made - before).toBe(21)
  })

  it('are used again by one look after another', async () => {
    const before = proxy.made
    for (let look = 0; look < 4; look += 1) {
      await lookAtAll()
      await sleep(500)
    }
    expect(proxy.made - before).toBe(21)
  })

  it('carry about two fetches a second of a partition that is idle', async () => {
    await withLogReader(changeLog, topic, async (reader) => {
      reader.seek((await reader.bounds()).end)
      expect(await reader.next(2_500)).toBeUndefined()
      const before = proxy.fetches
      expect(await reader.next(4_000)).toBeUndefined()
      expect(proxy.fetches - before).toBeGreaterThan(5)
      expect(proxy.fetches - before).toBeLessThan(11)
    })
  })

  it('are closed when nobody has used them for a while', async () => {
    await changeLog.close()
    changeLog = changeLogWith({ idleMs: 500 })
    await readAll()
    expect(proxy.open).toBe(21)
    await until('idle ones are closed', () => proxy.open === 1, 5_000)
    await readAll()
    expect(proxy.open).toBe(21)
  })

  it('are not used again when they have ended meanwhile', async () => {
    await readAll()
    await sleep(500)
    proxy.cut()
    await until('cut', () => proxy.open === 0)
    await readAll()
  })

  // Encoding takes some turns of the event loop's microtasks, in each of which it may be closed.
  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])(
    'that are closed %i microtasks after a question reject it',
    async (microtasks) => {
      const [host, port] = proxy.url.split(':')
      const address = { host: host!, port: Number(port) }
      const broker = await openBroker(address, { clientId: 'closing', callTimeoutMs, log })
      const asking = metadataOf(broker, [topic])
      asking.catch(() => undefined)
      for (let done = 0; done < microtasks; done += 1) await Promise.resolve()
      closeBroker(broker)
      await expect(asking).rejects.toThrow(/Closed connection|Not connected/)
    },
    10_000,
  )

  it('are all given up that lie idle when one of them fails', async () => {
    await readAll()
    await sleep(500)
    proxy.silence()
    await withLogReader(changeLog, topic, async (reader) => {
      // Asking where to read goes over the shared one, and over another after that one failed.
      await expect(reader.bounds()).rejects.toMatchObject({ code: 'kafka-away' })
      const end = () =>
        reader.bounds().then(
          (bounds) => bounds.end,
          () => undefined,
        )
      await until('another is asked', async () => (await end()) === 500n)
      reader.seek(0n as KafkaOffset)
      await expect(reader.next(5_000)).rejects.toMatchObject({ code: 'fetch-failed' })
      reader.seek(0n as KafkaOffset)
      expect(await reader.next(5_000)).toMatchObject({ next: 500n })
    })
    expect(proxy.open).toBe(2)
  })

  it('tell a reader of theirs that they have ended while it did not fetch', async () => {
    await changeLog.close()
    changeLog = changeLogWith({ recordsMax: 5 })
    await withLogReader(changeLog, topic, async (reader) => {
      reader.seek(0n as KafkaOffset)
      expect(await reader.next(5_000)).toMatchObject({ next: 5n })
      // All 500 have come with one fetch, so that none is under way.
      proxy.cut()
      await until('failed', () =>
        reader.next(1_000).then(
          () => false,
          (error: unknown) => (error as MillraceError).code === 'fetch-failed',
        ),
      )
    })
  })

  it('are closed, and readers end, when it is closed', async () => {
    const reader = changeLog.reader({ topic, partition: 0 }, new AbortController().signal)
    reader.seek(500n as KafkaOffset)
    const waiting = reader.next(30_000)
    await sleep(200)
    await changeLog.close()
    expect(await waiting).toBeUndefined()
    expect(reader.lost.aborted).toBe(true)
    await until('closed', () => proxy.open === 0)
  })

  it('are made again in growing pauses, however often the caller seeks', async () => {
    const [seeks, fetches] = await withLogReader(changeLog, topic, async (reader) => {
      reader.seek(0n as KafkaOffset)
      expect(await reader.next(5_000)).toMatchObject({ from: 0n })
      proxy.cutsFetches = true
      const before = proxy.fetches
      let failed = 0
      const untilMs = Date.now() + 3_000
      while (Date.now() < untilMs) {
        await reader.next(1_000).catch((error: unknown) => {
          expect(error).toMatchObject({ code: 'fetch-failed' })
          failed += 1
          reader.seek(0n as KafkaOffset)
        })
      }
      const tried = proxy.fetches - before
      proxy.cutsFetches = false
      await until('reads again', async () => (await reader.next(1_000)) !== undefined)
      return [failed, tried]
    })
    expect(seeks).toBe(fetches)
    expect(fetches).toBeGreaterThan(3)
    expect(fetches).toBeLessThan(10)
  })
})

function changeLogWith(options: { recordsMax?: number; idleMs?: number }): ChangeLog {
  const common = { brokers: [proxy.url], recordsMax: 1_000, callTimeoutMs, log }
  return kafkaChangeLog({ ...common, ...options })
}

/** Reads all of every partition, by readers that end together. */
async function readAll(): Promise<void> {
  const stop = new AbortController()
  const read = async (_: unknown, partition: number) => {
    const reader = changeLog.reader({ topic, partition }, stop.signal)
    reader.seek(0n as KafkaOffset)
    const batch = await reader.next(10_000)
    expect(valuesOf(batch ? [batch] : [])).toEqual(numbered(`${partition}`, 500))
  }
  await Promise.all(Array.from({ length: 20 }, read))
  stop.abort()
}

/** Gathers what all partitions give to an entry, as looks do: the signal is that of many looks. */
async function lookAtAll(): Promise<void> {
  const partitions = Array.from({ length: 20 }, (_, partition) => `${topic}/${partition}`)
  const all = (offset: number) => Object.fromEntries(partitions.map((name) => [name, offset]))
  const reading: Reading = {
    snapshot: parseSnapshot('500:500:'),
    anchor: offsets(all(0)),
    checkpoints: new Map(partitions.map((name) => [name, checkpoint(500)])),
    keys: ['1'],
    unseen: new Map(),
    unproved: new Set(),
  }
  let decoded = 0
  const decoder: Decoder = {
    ...decoderOfTests,
    decode: () => {
      decoded += 1
      return { kind: 'tombstone' }
    },
  }
  const tableOf = () => ({ table: 'books', decoder })
  const { signal } = new AbortController()
  await gatherUnseen({ view: library, changeLog, tableOf }, [reading], signal)
  expect(decoded).toBe(20 * 500)
}
