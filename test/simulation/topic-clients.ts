/** How a process reads the simulated topics, and asks about them. */
import type {
  Batch,
  ChangeLog,
  PartitionReader,
  TopicAdmin,
  TopicDescription,
} from '../../src/consume/change-source.ts'
import { MillraceError, type ErrorCode } from '../../src/errors.ts'
import type { KafkaOffset, TopicPartition } from '../../src/position.ts'
import type { Process } from './process.ts'
import type { Partition } from './topics.ts'
import type { World } from './world.ts'

export class SimulatedReader implements PartitionReader {
  readonly partition: TopicPartition
  readonly lost: AbortSignal
  readonly #world: World
  readonly #process: Process
  #position: number | undefined
  /** The life of the log that the connection speaks to. */
  #connection: { readonly partition: Partition; readonly leader: number } | undefined
  #fault: MillraceError | undefined
  #answer: ((batch: Batch | undefined) => void) | undefined

  constructor(
    { world, process }: { readonly world: World; readonly process: Process },
    partition: TopicPartition,
    lost: AbortSignal,
  ) {
    this.#world = world
    this.#process = process
    this.partition = partition
    this.lost = lost
    lost.addEventListener('abort', () => this.#answer?.(undefined), { once: true })
  }

  bounds(): Promise<{ readonly start: KafkaOffset; readonly end: KafkaOffset }> {
    return this.#process.call(this.#world.services.broker, 'bounds', () => {
      const found = this.#found() ?? failing('topic-missing', 'there is no such partition')
      if (found.unreadable) failing('kafka-away', 'the partition has no leader')
      const { start, end } = found
      return { start: offsetOf(start), end: offsetOf(end) }
    })
  }

  seek(offset: KafkaOffset): void {
    this.#position = Number(offset)
    if (this.#fault) this.#connection = undefined
    this.#fault = undefined
  }

  async next(timeoutMs: number): Promise<Batch | undefined> {
    if (this.lost.aborted) return undefined
    if (this.#fault) throw this.#fault
    const { random } = this.#world
    const untilMs = this.#world.scheduler.nowMs + timeoutMs
    return new Promise((resolve, reject) => {
      const state = { done: false }
      this.#answer = (batch) => {
        state.done = true
        resolve(batch)
      }
      const answered = (act: () => void) => {
        this.#process.after(random.wire.between(0.1, 2), () => {
          if (state.done) return
          state.done = true
          act()
        })
      }
      const fetch = () => {
        if (state.done || !this.#process.alive) return
        try {
          const batch = this.#fetch()
          if (batch) return answered(() => this.#took(batch, resolve))
          this.#await(fetch, untilMs, () => answered(() => resolve(undefined)))
        } catch (error) {
          answered(() => {
            this.#world.count(`a fetch was refused: ${(error as MillraceError).code}`)
            this.#fault = error as MillraceError
            reject(error)
          })
        }
      }
      this.#world.scheduler.after(random.wire.between(0.1, 2), fetch)
    })
  }

  note(): void {}

  #found(): Partition | undefined {
    const { topic, partition } = this.partition
    return this.#world.broker.partition(topic, partition)
  }

  #took(batch: Batch, resolve: (batch: Batch) => void): void {
    this.#position = Number(batch.next)
    resolve(batch)
  }

  /** Wakes `fetch` when the log has grown, and `late` when it has not. */
  #await(fetch: () => void, untilMs: number, late: () => void): void {
    const { scheduler, random } = this.#world
    const called = () => {
      timer.run = undefined
      scheduler.after(random.wire.between(0.1, 3), fetch)
    }
    const back = this.#connection!.partition.wait(called)
    const timer = scheduler.at(untilMs, () => {
      back()
      late()
    })
  }

  #fetch(): Batch | undefined {
    const { services, random } = this.#world
    const found = this.#found()
    if (found?.unreadable) this.#world.count('a partition had no leader when it was read')
    if (
      !found ||
      found.unreadable ||
      services.broker.down ||
      services.broker.fate().kind !== 'well'
    ) {
      failing('fetch-failed', 'the fetch was broken off')
    }
    this.#connection ??= { partition: found, leader: found.leader }
    const { partition, leader } = this.#connection
    if (partition !== found || leader !== found.leader) {
      failing('fetch-failed', 'the broker leads another log')
    }
    const from = this.#position!
    if (from < found.start || from > found.end) failing('out-of-range', `no offset ${from}`)
    if (from === found.end) return undefined
    const index = found.indexOf(from)
    const records = found.records.slice(index, index + 1 + random.wire.below(6))
    const following = found.records[index + records.length]
    const next = following ? records.at(-1)!.at + 1 : found.end
    return { from: offsetOf(from), next: offsetOf(next), records }
  }
}

export function changeLogOf(world: World, process: Process): ChangeLog {
  return {
    reader: (partition, signal) => new SimulatedReader({ world, process }, partition, signal),
    close: () => Promise.resolve(),
  }
}

export function topicAdminOf(world: World, process: Process): TopicAdmin {
  const { broker, services } = world
  return {
    ends: (topics) =>
      process.call(services.broker, 'ends', () => {
        const found = topics.map(
          (topic) => broker.topics.get(topic) ?? failing('topic-missing', `no topic ${topic}`),
        )
        const partitions = found.flatMap((topic) => topic.partitions)
        return new Map(partitions.map(({ name, end }) => [name, offsetOf(end)]))
      }),
    describe: (topics) =>
      process.call(services.broker, 'describe', () => {
        const found = topics.flatMap((name): [string, TopicDescription][] => {
          const topic = broker.topics.get(name)
          if (!topic) world.count('a topic was away when the set-up was looked at')
          if (!topic) return []
          const { id, partitions, compactionLagMs, cleanupPolicy } = topic
          return [[name, { id, partitions: partitions.length, compactionLagMs, cleanupPolicy }]]
        })
        return Object.fromEntries(found)
      }),
    create: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
}

function offsetOf(offset: number): KafkaOffset {
  return BigInt(offset) as KafkaOffset
}

function failing(code: ErrorCode, message: string): never {
  throw new MillraceError(code, message)
}
