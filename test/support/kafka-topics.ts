import { randomUUID } from 'node:crypto'
import { createRequire } from 'node:module'
import type { Kafka as KafkaClass, Message, Producer, ProducerConfig, Transaction } from 'kafkajs'
import { until } from './wait.ts'

const require = createRequire(import.meta.url)
const { Kafka, logLevel } = require('kafkajs') as typeof import('kafkajs')

type ProducerOptions = Pick<
  ProducerConfig,
  'idempotent' | 'transactionalId' | 'transactionTimeout' | 'retry'
>

/** A client for what a test does to a broker: topics, producers, transactions. */
export class TestTopics {
  readonly #client: KafkaClass
  readonly #producers: Producer[] = []
  readonly #open: Transaction[] = []
  #plain: Producer | undefined

  constructor(broker: string) {
    this.#client = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING })
  }

  /** The name of a new topic. */
  async create(
    partitions: number,
    settings: Record<string, string> = {},
    topic = `topic-${randomUUID()}`,
  ): Promise<string> {
    const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }))
    await this.#withAdmin(async (admin) => {
      // kafkajs' own wait gives up while the broker has not heard of the topic yet.
      const waitForLeaders = false
      const spec = { topic, numPartitions: partitions, configEntries }
      await admin.createTopics({ topics: [spec], waitForLeaders })
      const isThere = () =>
        admin.fetchTopicMetadata({ topics: [topic] }).then(
          ({ topics: [found] }) => found!.partitions.every(({ leader }) => leader >= 0),
          () => false,
        )
      await until('the topic is there', isThere)
    })
    return topic
  }

  /** Deletes a topic and makes another one of the same name. */
  async recreate(topic: string, partitions: number): Promise<void> {
    await this.remove(topic)
    await this.create(partitions, {}, topic)
  }

  async remove(topic: string): Promise<void> {
    await this.#withAdmin((admin) => admin.deleteTopics({ topics: [topic] }))
    await until('the name is free', async () => {
      const exists = await this.#withAdmin((admin) => admin.listTopics())
      return !exists.includes(topic)
    })
  }

  /** So that there are `count` of them. */
  async addPartitions(topic: string, count: number): Promise<void> {
    await this.#withAdmin((admin) =>
      admin.createPartitions({ topicPartitions: [{ topic, count }] }),
    )
  }

  async deleteRecords(topic: string, partition: number, below: bigint): Promise<void> {
    await this.#withAdmin(async (admin) => {
      // kafkajs deletes records only of topics whose leaders it happens to know.
      await admin.fetchTopicOffsets(topic)
      await admin.deleteTopicRecords({
        topic,
        partitions: [{ partition, offset: String(below) }],
      })
    })
  }

  /** The offset that the group has committed for a partition, -1 for none. */
  async committed(groupId: string, topic: string, partition: number): Promise<string | undefined> {
    return this.#withAdmin(async (admin) => {
      const [found] = await admin.fetchOffsets({ groupId, topics: [topic] })
      return found?.partitions.find((each) => each.partition === partition)?.offset
    })
  }

  /** In one batch, without a transaction. */
  async write(topic: string, values: readonly string[], partition = 0): Promise<void> {
    this.#plain ??= await this.producer({})
    await this.#plain.send({ topic, messages: values.map((value) => ({ value, partition })) })
  }

  /** In one batch, by a producer that the log remembers by its id. */
  async idempotent(topic: string, messages: Message[]): Promise<void> {
    const producer = await this.producer({ idempotent: true })
    await producer.send({ topic, messages })
  }

  /** One transaction of a producer of its own; `open` leaves it as it is. */
  async transaction(
    topic: string,
    values: readonly string[],
    end: 'commit' | 'abort' | 'open',
  ): Promise<Transaction> {
    const id = randomUUID()
    const producer = await this.producer({ transactionalId: id })
    const transaction = await producer.transaction()
    await transaction.send({ topic, messages: values.map((value) => ({ value, partition: 0 })) })
    if (end === 'open') this.#open.push(transaction)
    else await transaction[end]()
    return transaction
  }

  async producer(options: ProducerOptions): Promise<Producer> {
    const transactional = options.transactionalId === undefined ? {} : { maxInFlightRequests: 1 }
    const producer = this.#client.producer({
      ...options,
      ...transactional,
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition ?? 0,
    })
    await producer.connect()
    this.#producers.push(producer)
    return producer
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#open.filter((each) => each.isActive()).map((t) => t.abort()))
    await Promise.allSettled(this.#producers.map((producer) => producer.disconnect()))
  }

  async #withAdmin<T>(work: (admin: import('kafkajs').Admin) => Promise<T>): Promise<T> {
    const admin = this.#client.admin()
    await admin.connect()
    try {
      return await work(admin)
    } finally {
      await admin.disconnect()
    }
  }
}

/** `prefix-0`, `prefix-1`, … */
export function numbered(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}-${index}`)
}
