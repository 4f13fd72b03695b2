import type { Log } from '../../log.ts'
import { faultKind } from './kafka-errors.ts'
import { closeBroker, openBroker, type Address, type Broker } from './kafkajs-internals.ts'

export type ConnectionOptions = {
  /** `host:port` each: where to begin. */
  readonly brokers: readonly string[]
  readonly clientId: string
  /** Bound of one request; a fetch may take its own wait longer. */
  readonly callTimeoutMs: number
  readonly log: Log
  /** How long a connection is kept that nobody uses. */
  readonly idleMs?: number
}

type Shared = { readonly opening: Promise<Broker>; broker?: Broker }
type Idle = { readonly broker: Broker; readonly timer: NodeJS.Timeout }

const idleMsUsual = 30_000

/**
 * Connections to the brokers of one cluster. Questions that are answered at once share one to each
 * broker; a fetch, which may wait there, needs one alone, and hands it on when it is done. One on
 * which something went wrong is never used again.
 */
export class BrokerConnections {
  readonly #options: ConnectionOptions
  readonly #shared = new Map<string, Shared>()
  readonly #idle = new Map<string, Idle[]>()
  readonly #open = new Set<Broker>()
  #closed = false

  constructor(options: ConnectionOptions) {
    this.#options = options
  }

  /** Asks the broker at `to`, or whichever can be reached. */
  async ask<T>(question: (broker: Broker) => Promise<T>, to?: Address): Promise<T> {
    const broker = await (to ? this.#sharedTo(to) : this.#anyShared())
    try {
      return await question(broker)
    } catch (error) {
      if (faultKind(error) === 'away') this.#forget(broker)
      throw error
    }
  }

  /** A connection that nobody else uses, until it is given back or dropped. */
  async take(address: Address): Promise<Broker> {
    const idle = this.#idle.get(nameOf(address)) ?? []
    for (let last = idle.pop(); last; last = idle.pop()) {
      clearTimeout(last.timer)
      if (last.broker.isConnected()) return last.broker
      this.#close(last.broker)
    }
    return this.#connect(address)
  }

  giveBack(broker: Broker): void {
    if (this.#closed || !broker.isConnected()) return this.#close(broker)
    const name = broker.brokerAddress
    const timer = setTimeout(() => {
      const rest = this.#idle.get(name)?.filter((each) => each.broker !== broker) ?? []
      this.#idle.set(name, rest)
      this.#close(broker)
    }, this.#options.idleMs ?? idleMsUsual)
    timer.unref()
    this.#idle.set(name, [...(this.#idle.get(name) ?? []), { broker, timer }])
  }

  /** Something went wrong on it: what lies idle to the same broker is not to be trusted either. */
  drop(broker: Broker): void {
    this.#close(broker)
    for (const { broker: idle, timer } of this.#idle.get(broker.brokerAddress) ?? []) {
      clearTimeout(timer)
      this.#close(idle)
    }
    this.#idle.delete(broker.brokerAddress)
  }

  /** At once; what is being asked is rejected. */
  close(): void {
    this.#closed = true
    for (const { timer } of [...this.#idle.values()].flat()) clearTimeout(timer)
    for (const broker of this.#open) this.#close(broker)
  }

  async #anyShared(): Promise<Broker> {
    let failure: unknown
    for (const name of new Set([...this.#shared.keys(), ...this.#options.brokers])) {
      try {
        return await this.#sharedTo(addressOf(name))
      } catch (error) {
        failure = error
      }
    }
    throw failure
  }

  async #sharedTo(address: Address): Promise<Broker> {
    const name = nameOf(address)
    const known = this.#shared.get(name)
    if (known && known.broker?.isConnected() !== false) return known.opening
    if (known?.broker) this.#forget(known.broker)
    const shared: Shared = { opening: this.#connect(address) }
    this.#shared.set(name, shared)
    try {
      shared.broker = await shared.opening
      return shared.broker
    } catch (error) {
      if (this.#shared.get(name) === shared) this.#shared.delete(name)
      throw error
    }
  }

  #forget(broker: Broker): void {
    const name = broker.brokerAddress
    if (this.#shared.get(name)?.broker === broker) this.#shared.delete(name)
    this.#close(broker)
  }

  async #connect(address: Address): Promise<Broker> {
    const broker = await openBroker(address, this.#options)
    this.#open.add(broker)
    if (this.#closed) this.#close(broker)
    return broker
  }

  #close(broker: Broker): void {
    this.#open.delete(broker)
    closeBroker(broker)
  }
}

function nameOf({ host, port }: Address): string {
  return `${host}:${port}`
}

function addressOf(broker: string): Address {
  const colon = broker.lastIndexOf(':')
  return { host: broker.slice(0, colon), port: Number(broker.slice(colon + 1)) }
}
