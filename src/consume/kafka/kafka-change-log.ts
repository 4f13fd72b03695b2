import type { Log } from '../../log.ts'
import type { TopicPartition } from '../../position.ts'
import type { ChangeLog, PartitionReader } from '../change-source.ts'
import { BrokerConnections } from './broker-connections.ts'
import { KafkaPartitionReader, readerDefaults, type ReaderLimits } from './partition-reader.ts'
import { SharedFetches } from './shared-fetches.ts'

export type KafkaChangeLogOptions = Partial<ReaderLimits> & {
  /** `host:port` each. */
  readonly brokers: readonly string[]
  /** Records of one batch at most. */
  readonly recordsMax: number
  readonly log: Log
  readonly clientId?: string
  /** How long a connection that no reader uses is kept for the next one. */
  readonly idleMs?: number
}

/** Connects with the first reader that seeks. */
export function kafkaChangeLog(options: KafkaChangeLogOptions): ChangeLog {
  return new KafkaChangeLog(options)
}

class KafkaChangeLog implements ChangeLog {
  readonly #options: KafkaChangeLogOptions & ReaderLimits
  readonly #connections: BrokerConnections
  readonly #fetches = new SharedFetches()
  readonly #closed = new AbortController()
  readonly #pumps = new Set<Promise<void>>()

  constructor(options: KafkaChangeLogOptions) {
    const { clientId = 'millrace', ...given } = options
    this.#options = { ...readerDefaults, ...given }
    this.#connections = new BrokerConnections({ ...this.#options, clientId })
  }

  reader(partition: TopicPartition, signal: AbortSignal): PartitionReader {
    const reader = new KafkaPartitionReader({
      ...this.#options,
      connections: this.#connections,
      fetches: this.#fetches,
      partition,
      lost: AbortSignal.any([signal, this.#closed.signal]),
      note: () => undefined,
    })
    const pumping = reader.pump().finally(() => this.#pumps.delete(pumping))
    this.#pumps.add(pumping)
    return reader
  }

  async close(): Promise<void> {
    this.#closed.abort()
    this.#connections.close()
    await Promise.all(this.#pumps)
  }
}
