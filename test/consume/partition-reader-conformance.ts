import type { Batch, PartitionReader } from '../../src/consume/change-source.ts'
import { MillraceError } from '../../src/errors.ts'
import type { KafkaOffset } from '../../src/position.ts'
import type { TestServer } from '../support/chain.ts'
import { numbered, TestTopics } from '../support/kafka-topics.ts'
import { readToEnd, valuesOf } from '../support/kafka-worker.ts'
import { sleep } from '../support/wait.ts'

export type ReaderConformance = {
  /** Started before, and stopped after, by the caller. */
  readonly server: () => TestServer
  readonly topics: () => TestTopics
  /** Runs `work` with a reader of partition 0, and ends it. */
  readonly withReader: <T>(
    options: { readonly topic: string; readonly recordsMax?: number },
    work: (reader: PartitionReader) => Promise<T>,
  ) => Promise<T>
  readonly callTimeoutMs: number
}

const at = (offset: bigint) => offset as KafkaOffset

/** What `PartitionReader` promises, whoever made it. */
export function describePartitionReader(name: string, under: ReaderConformance): void {
  describe(name, () => {
    describeReading(under)
    describeTransactions(under)
    describeEnd(under)
    describeRange(under)
    describeFailing(under)
    describeAnotherLog(under)
  })
}

function describeReading({ topics, withReader }: ReaderConformance): void {
  it('goes where it is told, and gives nothing that was asked for before', async () => {
    const topic = await topics().create(1)
    await topics().write(topic, numbered('v', 200))
    await withReader({ topic, recordsMax: 10 }, async (reader) => {
      for (const offset of [0n, 150n, 20n, 199n, 3n, 3n]) {
        reader.seek(at(offset))
        expect(await reader.next(5_000)).toMatchObject({ from: offset })
      }
      reader.seek(at(200n))
      expect(await reader.next(50)).toBeUndefined()
      // A fetch at 200 is waiting at the broker. What it brings now is not wanted any more.
      reader.seek(at(150n))
      await topics().write(topic, ['new'])
      const { from, next } = (await reader.next(5_000))!
      expect([from, next]).toEqual([150n, 160n])
    })
  })

  it('waits at the end for what comes, and tells when nothing does', async () => {
    const topic = await topics().create(1)
    await topics().write(topic, ['old'])
    const times = 8
    const latencyMs = await withReader({ topic }, async (reader) => {
      reader.seek(at(1n))
      expect(await reader.next(300)).toBeUndefined()
      let waitedMs = 0
      for (let next = 1n; next <= times; next += 1n) {
        const waiting = reader.next(5_000)
        await sleep(20)
        const beforeMs = performance.now()
        await topics().write(topic, ['new'])
        expect(await waiting).toMatchObject({ from: next, next: next + 1n })
        waitedMs += performance.now() - beforeMs
      }
      return waitedMs / times
    })
    // A fetch that brings something only when its wait is over would make it 230 ms.
    expect(latencyMs).toBeLessThan(80)
  })
}

function describeTransactions({ topics, withReader }: ReaderConformance): void {
  it('shows no aborted record, and reaches the end behind the last control record', async () => {
    const topic = await topics().create(1)
    await topics().transaction(topic, numbered('a', 3), 'commit')
    await topics().transaction(topic, numbered('aborted', 3), 'abort')
    await topics().write(topic, ['plain'])
    await topics().transaction(topic, numbered('b', 2), 'commit')
    await topics().transaction(topic, numbered('aborted', 1), 'abort')
    await withReader({ topic }, async (reader) => {
      const batches = await readToEnd(reader)
      const { end } = await reader.bounds()
      expect(valuesOf(batches)).toEqual([...numbered('a', 3), 'plain', ...numbered('b', 2)])
      expect(batches.at(-1)).toMatchObject({ next: end })
      expect(end).toBe(14n)
    })
  })

  it('tells of each record whether it was written in a transaction', async () => {
    const topic = await topics().create(1)
    await topics().write(topic, ['before'])
    await topics().transaction(topic, ['within'], 'commit')
    await topics().write(topic, ['after'])
    await withReader({ topic }, async (reader) => {
      const records = (await readToEnd(reader)).flatMap((batch) => batch.records)
      const told = records.map(({ value, inTransaction }) => [
        Buffer.from(value!).toString(),
        inTransaction,
      ])
      expect(told).toEqual([
        ['before', false],
        ['within', true],
        ['after', false],
      ])
    })
  })

  it('tells aborted from committed where transactions overlap and end in another order', async () => {
    const topic = await topics().create(1)
    const early = await topics().transaction(topic, ['early-aborted'], 'open')
    const late = await topics().transaction(topic, ['late-aborted'], 'open')
    const good = await topics().transaction(topic, ['good'], 'open')
    await early.send({ topic, messages: [{ value: 'early-aborted-too', partition: 0 }] })
    await late.abort()
    await good.commit()
    await early.abort()
    await withReader({ topic }, async (reader) => {
      expect(valuesOf(await readToEnd(reader))).toEqual(['good'])
      // From here both aborted transactions have begun before the fetch.
      expect(valuesOf(await readToEnd(reader, 2n))).toEqual(['good'])
      expect(valuesOf(await readToEnd(reader, 3n))).toEqual([])
    })
  })
}

function describeEnd({ topics, withReader }: ReaderConformance): void {
  it('gives a batch without records for control records alone', async () => {
    const topic = await topics().create(1)
    await topics().transaction(topic, ['only'], 'commit')
    await withReader({ topic }, async (reader) => {
      reader.seek(at(1n))
      expect(await reader.next(5_000)).toMatchObject({ from: 1n, next: 2n, records: [] })
    })
  })

  it('ends at the first open transaction, while the bounds tell the high watermark', async () => {
    const topic = await topics().create(1)
    await topics().write(topic, ['before'])
    const open = await topics().transaction(topic, numbered('open', 2), 'open')
    await topics().write(topic, ['behind'])
    await withReader({ topic }, async (reader) => {
      reader.seek(at(0n))
      expect(await reader.next(5_000)).toMatchObject({ from: 0n, next: 1n })
      expect(await reader.bounds()).toEqual({ start: 0n, end: 4n })
      expect(await reader.next(400)).toBeUndefined()
      await open.commit()
      const values: string[] = []
      while (values.length < 3) {
        const batch = await reader.next(5_000)
        values.push(...valuesOf(batch ? [batch] : []))
      }
      expect(values).toEqual([...numbered('open', 2), 'behind'])
    })
  })
}

function describeRange({ topics, withReader }: ReaderConformance): void {
  it('says out-of-range below the log start and above the end, and never jumps', async () => {
    const topic = await topics().create(1)
    await topics().write(topic, numbered('v', 10))
    await topics().deleteRecords(topic, 0, 4n)
    await withReader({ topic }, async (reader) => {
      for (const offset of [3n, 11n]) {
        reader.seek(at(offset))
        const failing = expect(reader.next(5_000)).rejects
        await failing.toMatchObject({ code: 'out-of-range', retriable: false })
        const again = expect(reader.next(5_000)).rejects
        await again.toMatchObject({ code: 'out-of-range' })
      }
      expect(await reader.bounds()).toEqual({ start: 4n, end: 10n })
      // What is answered to a fetch that is not wanted any more says nothing of the next one.
      for (let turn = 0; turn < 6; turn += 1) {
        reader.seek(at(11n))
        await sleep(turn % 3)
        reader.seek(at(4n))
        expect(await reader.next(5_000)).toMatchObject({ from: 4n })
      }
      reader.seek(at(4n))
      expect(await reader.next(5_000)).toMatchObject({ from: 4n, next: 10n })
    })
  })
}

function describeFailing(under: ReaderConformance): void {
  const { topics, server, withReader, callTimeoutMs } = under

  it('rejects once the broker was killed, waits while it is away, reads on after a seek', async () => {
    const topic = await topics().create(1)
    await topics().write(topic, numbered('v', 10))
    await withReader({ topic }, async (reader) => {
      reader.seek(at(0n))
      expect(await reader.next(5_000)).toMatchObject({ from: 0n, next: 10n })
      await server().kill()
      await expectFailed(reader)
      await expectFailed(reader)
      reader.seek(at(10n))
      // No fetch is made, so none fails: there is nobody to connect to.
      expect(await reader.next(2_000)).toBeUndefined()
      await server().start()
      await topics().write(topic, ['after'])
      const batch = await readOn(reader, 10n)
      expect([batch.from, ...valuesOf([batch])]).toEqual([10n, 'after'])
    })
  })

  it('drops the batches that wait when a fetch fails', async () => {
    const topic = await topics().create(1)
    await topics().write(topic, numbered('taken', 5))
    await withReader({ topic }, async (reader) => {
      reader.seek(at(0n))
      expect(await reader.next(5_000)).toMatchObject({ next: 5n })
      await topics().write(topic, numbered('waiting', 5))
      // Fetched by now, while the fetch behind it waits at the broker.
      await sleep(500)
      await server().kill()
      await sleep(200)
      await expectFailed(reader)
      await server().start()
      const batch = await readOn(reader, 5n)
      expect(valuesOf([batch])).toEqual(numbered('waiting', 5))
    })
  })

  it('reads no further when the connection ended while no fetch was under way', async () => {
    const topic = await topics().create(1)
    await topics().write(topic, numbered('v', 1_000))
    await withReader({ topic, recordsMax: 5 }, async (reader) => {
      reader.seek(at(0n))
      expect(await reader.next(5_000)).toMatchObject({ next: 5n })
      await server().kill()
      await server().start()
      await topics().write(topic, ['after'])
      expect(valuesOf(await untilFailed(reader))).not.toContain('after')
      expect(valuesOf([await readOn(reader, 1_000n)])).toEqual(['after'])
    })
  })

  it('does not let a seek excuse a fetch that breaks off after it', async () => {
    const topic = await topics().create(1)
    await topics().write(topic, numbered('v', 10))
    await withReader({ topic }, async (reader) => {
      reader.seek(at(0n))
      expect(await reader.next(5_000)).toMatchObject({ next: 10n })
      // A fetch at 10 waits at the broker.
      expect(await reader.next(100)).toBeUndefined()
      const killed = server().kill()
      reader.seek(at(5n))
      await killed
      await expectFailed(reader)
      await server().start()
      expect(valuesOf([await readOn(reader, 5n)])).toEqual(numbered('v', 10).slice(5))
    })
  })

  it('rejects when a fetch is not answered in time', async () => {
    const topic = await topics().create(1)
    await topics().write(topic, numbered('v', 10))
    await withReader({ topic }, async (reader) => {
      reader.seek(at(0n))
      expect(await reader.next(5_000)).toMatchObject({ next: 10n })
      server().pause()
      // A reader that waited for another one's fetch asks by itself once that has failed.
      const failing = expectFailed(reader, 4 * callTimeoutMs)
      await failing.finally(() => server().resume())
      expect(await readOn(reader, 3n)).toMatchObject({ from: 3n, next: 10n })
    })
  })
}

function describeAnotherLog({ topics, withReader }: ReaderConformance): void {
  it('reads no further in a topic that was made anew while no fetch was under way', async () => {
    const topic = await topics().create(1)
    await topics().write(topic, numbered('v', 100))
    await withReader({ topic, recordsMax: 5 }, async (reader) => {
      reader.seek(at(0n))
      expect(await reader.next(5_000)).toMatchObject({ next: 5n })
      await topics().recreate(topic, 1)
      await topics().write(topic, numbered('other', 200))
      const values = valuesOf(await untilFailed(reader))
      expect(values.filter((value) => value.startsWith('other'))).toEqual([])
      expect(valuesOf([await readOn(reader, 100n)])[0]).toBe('other-100')
    })
  })

  it('reads no further in a topic that was made anew while a fetch waited for its end', async () => {
    const topic = await topics().create(1)
    await topics().write(topic, numbered('v', 3))
    await withReader({ topic }, async (reader) => {
      reader.seek(at(0n))
      expect(await reader.next(5_000)).toMatchObject({ next: 3n })
      await topics().recreate(topic, 1)
      await topics().write(topic, numbered('other', 10))
      expect(await untilFailed(reader)).toEqual([])
      expect(valuesOf([await readOn(reader, 3n)])[0]).toBe('other-3')
    })
  })
}

async function expectFailed(reader: PartitionReader, timeoutMs = 5_000): Promise<void> {
  const failing = expect(reader.next(timeoutMs)).rejects
  await failing.toMatchObject({ code: 'fetch-failed', retriable: true, cause: expect.any(Error) })
}

/** What is delivered until a fetch fails. */
async function untilFailed(reader: PartitionReader): Promise<Batch[]> {
  const batches: Batch[] = []
  const deadlineMs = Date.now() + 20_000
  while (Date.now() < deadlineMs) {
    try {
      const batch = await reader.next(1_000)
      if (batch) batches.push(batch)
    } catch (error) {
      expect(['fetch-failed', 'out-of-range']).toContain((error as MillraceError).code)
      return batches
    }
  }
  throw new Error(`no fetch failed, ${batches.length} batches were read`)
}

/** The next batch, as a caller gets it that has proved the log after every failed fetch. */
async function readOn(reader: PartitionReader, offset: bigint): Promise<Batch> {
  const deadlineMs = Date.now() + 30_000
  reader.seek(at(offset))
  while (Date.now() < deadlineMs) {
    try {
      const batch = await reader.next(1_000)
      if (batch) return batch
    } catch (error) {
      if (!(error instanceof MillraceError) || error.code !== 'fetch-failed') throw error
      reader.seek(at(offset))
    }
  }
  throw new Error(`nothing came from ${offset}`)
}
