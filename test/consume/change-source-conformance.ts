import { randomUUID } from 'node:crypto'
import type { ChangeSource } from '../../src/consume/change-source.ts'
import type { KafkaOffset } from '../../src/position.ts'
import type { TestServer } from '../support/chain.ts'
import { numbered, TestTopics } from '../support/kafka-topics.ts'
import { Progress, readToEnd, startWorker, valuesOf, withReader } from '../support/kafka-worker.ts'
import { sleep, until } from '../support/wait.ts'

export type SourceUnderTest = {
  readonly topic: string
  readonly groupId?: string
  readonly recordsMax?: number
}

export type Conformance = {
  /** Started before, and stopped after, by the caller. */
  readonly server: () => TestServer
  readonly topics: () => TestTopics
  readonly source: (options: SourceUnderTest) => ChangeSource
  readonly sessionTimeoutMs: number
  /** Starts a member in a process of its own; resolves when it owns `partitions` of them. */
  readonly member: (groupId: string, topic: string, partitions: number) => Promise<Killable>
}

export type Killable = { kill(): Promise<void> }

const at = (offset: bigint) => offset as KafkaOffset

/** What `ChangeSource` promises, for any client that stands behind it. */
export function describeChangeSource(name: string, under: Conformance): void {
  describe(name, () => {
    describeReading(under)
    describeTransactions(under)
    describeEnd(under)
    describeRange(under)
    describeGroup(under)
    describePatience(under)
  })
}

function describeReading({ topics, source }: Conformance): void {
  it('gives every record of four partitions once and in order, in pieces that chain', async () => {
    const topic = await topics().create(4)
    const partitions = [0, 1, 2, 3]
    for (const partition of partitions) {
      await topics().write(topic, numbered(`${partition}`, 1_000), partition)
      await topics().write(topic, numbered(`${partition}-later`, 10), partition)
    }
    const progress = new Progress()
    const worker = startWorker(source({ topic, recordsMax: 300 }), progress, async (batch) => {
      if (batch.records.length > 300) progress.faults.push(`${batch.records.length} records`)
    })
    await until('all read', () => progress.count() === 4 * 1_010)
    await worker.stop()
    expect(progress.faults).toEqual([])
    for (const partition of partitions) {
      const expected = [...numbered(`${partition}`, 1_000), ...numbered(`${partition}-later`, 10)]
      expect(progress.values.get(partition)).toEqual(expected)
      expect(progress.next.get(partition)).toBe(1_010n)
    }
  })

  it('goes where it is told, and gives nothing that was asked for before', async () => {
    const topic = await topics().create(1)
    await topics().write(topic, numbered('v', 200))
    await withReader(source({ topic, recordsMax: 10 }), async (reader) => {
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
    const latencyMs = await withReader(source({ topic }), async (reader) => {
      reader.seek(at(1n))
      expect(await reader.next(300)).toBeUndefined()
      const waiting = reader.next(5_000)
      await sleep(20)
      const beforeMs = performance.now()
      await topics().write(topic, ['new'])
      const batch = await waiting
      expect(batch).toMatchObject({ from: 1n, next: 2n, end: 2n })
      expect(Math.abs(Date.now() - batch!.fetchedAtMs)).toBeLessThan(2_000)
      return performance.now() - beforeMs
    })
    expect(latencyMs).toBeLessThan(200)
  })
}

function describeTransactions({ topics, source }: Conformance): void {
  it('shows no aborted record, and reaches the end behind the last control record', async () => {
    const topic = await topics().create(1)
    await topics().transaction(topic, numbered('a', 3), 'commit')
    await topics().transaction(topic, numbered('aborted', 3), 'abort')
    await topics().write(topic, ['plain'])
    await topics().transaction(topic, numbered('b', 2), 'commit')
    await topics().transaction(topic, numbered('aborted', 1), 'abort')
    await withReader(source({ topic }), async (reader) => {
      const batches = await readToEnd(reader)
      const { end } = await reader.bounds()
      expect(valuesOf(batches)).toEqual([...numbered('a', 3), 'plain', ...numbered('b', 2)])
      expect(batches.at(-1)).toMatchObject({ next: end, end })
      expect(end).toBe(14n)
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
    await withReader(source({ topic }), async (reader) => {
      expect(valuesOf(await readToEnd(reader))).toEqual(['good'])
      // From here both aborted transactions have begun before the fetch.
      expect(valuesOf(await readToEnd(reader, 2n))).toEqual(['good'])
      expect(valuesOf(await readToEnd(reader, 3n))).toEqual([])
    })
  })
}

function describeEnd({ topics, source }: Conformance): void {
  it('gives a batch without records for control records alone', async () => {
    const topic = await topics().create(1)
    await topics().transaction(topic, ['only'], 'commit')
    await withReader(source({ topic }), async (reader) => {
      reader.seek(at(1n))
      expect(await reader.next(5_000)).toMatchObject({ from: 1n, next: 2n, records: [], end: 2n })
    })
  })

  it('ends at the first open transaction, while the bounds tell the high watermark', async () => {
    const topic = await topics().create(1)
    await topics().write(topic, ['before'])
    const open = await topics().transaction(topic, numbered('open', 2), 'open')
    await topics().write(topic, ['behind'])
    await withReader(source({ topic }), async (reader) => {
      reader.seek(at(0n))
      expect(await reader.next(5_000)).toMatchObject({ from: 0n, next: 1n, end: 1n })
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

function describeRange({ topics, source }: Conformance): void {
  it('says out-of-range below the log start and above the end, and never jumps', async () => {
    const topic = await topics().create(1)
    await topics().write(topic, numbered('v', 10))
    await topics().deleteRecords(topic, 0, 4n)
    await withReader(source({ topic }), async (reader) => {
      for (const offset of [3n, 11n]) {
        reader.seek(at(offset))
        const failing = expect(reader.next(5_000)).rejects
        await failing.toMatchObject({ code: 'out-of-range', retriable: false })
        const again = expect(reader.next(5_000)).rejects
        await again.toMatchObject({ code: 'out-of-range' })
      }
      expect(await reader.bounds()).toEqual({ start: 4n, end: 10n })
      reader.seek(at(4n))
      expect(await reader.next(5_000)).toMatchObject({ from: 4n, next: 10n })
    })
  })

  it('rejects with a retriable fault while the topic does not exist', async () => {
    const running = source({ topic: `none-${randomUUID()}` }).run(
      async () => undefined,
      AbortSignal.timeout(10_000),
    )
    await expect(running).rejects.toMatchObject({ code: 'topic-missing', retriable: true })
  })

  it('rejects with what a worker rejected with', async () => {
    const topic = await topics().create(2)
    const own = () => Promise.reject(new Error('worker is broken'))
    const running = source({ topic }).run(own, AbortSignal.timeout(10_000))
    await expect(running).rejects.toThrow('worker is broken')
  })
}

function describeGroup(under: Conformance): void {
  const { topics, source, sessionTimeoutMs } = under

  it('shares partitions with a second member and takes them back when it leaves', async () => {
    const topic = await topics().create(4)
    const groupId = randomUUID()
    const progress = new Progress()
    const first = startWorker(source({ topic, groupId }), progress)
    await until('all with one', () => first.partitions.size === 4)
    const second = startWorker(source({ topic, groupId }), progress)
    await until('shared', () => first.partitions.size === 2 && second.partitions.size === 2)
    for (const partition of [0, 1, 2, 3]) {
      await topics().write(topic, numbered('v', 100), partition)
    }
    await until('all read', () => progress.count() === 400)
    await second.stop()
    await until('taken back', () => first.partitions.size === 4)
    // What stayed with the first member through both rebalances was given to it only once.
    expect(first.given()).toBeLessThanOrEqual(4 + 4)
    for (const partition of [0, 1, 2, 3]) await topics().write(topic, ['last'], partition)
    await until('all read again', () => progress.count() === 404)
    await first.stop()
    for (const values of progress.values.values()) {
      expect(values).toEqual([...numbered('v', 100), 'last'])
    }
    expect(await topics().committed(groupId, topic, 0)).toBe('101')
  })

  it('takes over from a member that was killed, without a gap', async () => {
    const topic = await topics().create(4)
    const groupId = randomUUID()
    const progress = new Progress()
    const worker = startWorker(source({ topic, groupId }), progress)
    await until('all with one', () => worker.partitions.size === 4)
    const member = await under.member(groupId, topic, 2)
    await until('shared', () => worker.partitions.size === 2)
    for (const partition of [0, 1, 2, 3]) await topics().write(topic, ['a', 'b'], partition)
    await until('own half read', () => progress.count() === 4)
    await member.kill()
    await until('all read', () => progress.count() === 8, sessionTimeoutMs + 5_000)
    await worker.stop()
    for (const values of progress.values.values()) expect(values).toEqual(['a', 'b'])
  })
}

function describePatience({ topics, source, server, sessionTimeoutMs }: Conformance): void {
  it('stays a member while a worker keeps a batch for longer than the session', async () => {
    const topic = await topics().create(2)
    const groupId = randomUUID()
    const progress = new Progress()
    await topics().write(topic, ['slow'], 0)
    const release = Promise.withResolvers<void>()
    const slow = startWorker(source({ topic, groupId }), progress, async (batch) => {
      if (valuesOf([batch]).includes('slow')) await release.promise
    })
    await until('both owned', () => slow.partitions.size === 2)
    await topics().write(topic, ['quick'], 1)
    await until('the other partition goes on', () => progress.values.get(1)?.length === 1)
    await sleep(2 * sessionTimeoutMs)
    release.resolve()
    await until('slow one taken', () => progress.values.get(0)?.length === 1)
    // The group takes this from a member only, and from one that never had to join anew.
    await until('noted', async () => (await topics().committed(groupId, topic, 0)) === '1')
    expect(slow.given()).toBe(2)
    expect(progress.faults).toEqual([])
    await slow.stop()
  })

  it('goes on by itself after the broker was killed and came again', async () => {
    const topic = await topics().create(2)
    const progress = new Progress()
    const worker = startWorker(source({ topic }), progress)
    await topics().write(topic, numbered('before', 5))
    await until('read before', () => progress.count() === 5)
    await server().kill()
    await sleep(1_000)
    await server().start()
    await topics().write(topic, numbered('after', 5))
    await until('read after', () => progress.count() === 10, 60_000)
    await worker.stop()
    expect(progress.values.get(0)).toEqual([...numbered('before', 5), ...numbered('after', 5)])
    expect(progress.faults).toEqual([])
  })
}
