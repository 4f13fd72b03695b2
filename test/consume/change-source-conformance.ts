import { randomUUID } from 'node:crypto'
import type { ChangeSource } from '../../src/consume/change-source.ts'
import type { TestServer } from '../support/chain.ts'
import { numbered, TestTopics } from '../support/kafka-topics.ts'
import { Progress, startWorker, valuesOf } from '../support/kafka-worker.ts'
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

/** What `ChangeSource` promises, for any client that stands behind it. */
export function describeChangeSource(name: string, under: Conformance): void {
  describe(name, () => {
    describeReading(under)
    describeFaults(under)
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
}

function describeFaults({ topics, source }: Conformance): void {
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
