/**
 * A member of a Kafka group, and a reader for each partition that the group gives it.
 *
 * Membership and reading don't touch each other. Heartbeats go out on their own connection at their
 * own pace, however long a worker keeps a batch, so a store that is away for minutes costs no
 * membership; a rebalance never waits for a worker, and a worker that keeps its partition through a
 * rebalance doesn't even notice. What makes this safe is the store's compare-and-set: a worker that
 * believes too long that it owns a partition can't change anything.
 *
 * A partition stays with its worker only if it is sure that nobody else had it in between: the same
 * member, and the very next generation of the group. Otherwise `lost` aborts and `own` is called
 * anew, once the former call has returned.
 */
import { backoff, systemClock } from '../../clock.ts'
import { describe, unreachable } from '../../errors.ts'
import type { Log } from '../../log.ts'
import type { KafkaOffset } from '../../position.ts'
import type { ChangeSource, PartitionReader } from '../change-source.ts'
import { BrokerConnections } from './broker-connections.ts'
import { bounded, faultKind, kafkaError } from './kafka-errors.ts'
import { createGroup, type Cluster, type ConsumerGroup } from './kafkajs-internals.ts'
import { KafkaPartitionReader, readerDefaults, type ReaderLimits } from './partition-reader.ts'
import { assertPatched } from './patch-check.ts'
import { SharedFetches } from './shared-fetches.ts'

export type KafkaChangeSourceOptions = Partial<ReaderLimits> & {
  /** `host:port` each. */
  readonly brokers: readonly string[]
  readonly groupId: string
  readonly topic: string
  /** After this long without a heartbeat the partitions go to others. */
  readonly sessionTimeoutMs: number
  /** Records of one batch at most. */
  readonly recordsMax: number
  readonly log: Log
  /** How long the brokers may be away before `run` rejects. */
  readonly awayMaxMs?: number
  /** Those of several groups in one process may be shared. */
  readonly fetches?: SharedFetches
}

const defaults = { ...readerDefaults, awayMaxMs: 60_000 } as const

/** At most this long until a member sees that the group is rebalancing. */
const heartbeatMostMs = 500
const noteIntervalMs = 1_000
/** Bound of leaving and disconnecting; who doesn't wait for us loses nothing by it. */
const closeTimeoutMs = 2_000
/** Failed heartbeats after which the coordinator is looked up anew. */
const heartbeatTries = 3

export function kafkaChangeSource(options: KafkaChangeSourceOptions): ChangeSource {
  const { fetches = new SharedFetches() } = options
  const all = { ...defaults, ...options, fetches }
  return { run: (own, signal) => new GroupMember(all, own, signal).run() }
}

type Own = (reader: PartitionReader) => Promise<void>
type Owned = { readonly lost: AbortController; readonly done: Promise<void> }

class GroupMember {
  readonly #options: Required<KafkaChangeSourceOptions>
  readonly #own: Own
  /** Aborts when the caller wants it, or when an `own` has failed. */
  readonly #stop: AbortSignal
  readonly #failed = new AbortController()
  /** Joining blocks a connection for as long as others take, so reading has its own. */
  readonly #membership: Cluster
  readonly #connections: BrokerConnections
  readonly #group: ConsumerGroup
  readonly #owned = new Map<number, Owned>()
  readonly #ending = new Map<number, Promise<void>>()
  readonly #notes = new Map<number, KafkaOffset>()
  #notedAtMs = 0

  constructor(options: Required<KafkaChangeSourceOptions>, own: Own, signal: AbortSignal) {
    const clientId = options.groupId
    this.#options = options
    this.#own = own
    this.#stop = AbortSignal.any([signal, this.#failed.signal])
    const { cluster, group } = createGroup({ ...options, clientId })
    this.#membership = cluster
    this.#group = group
    this.#connections = new BrokerConnections({ ...options, clientId })
  }

  async run(): Promise<void> {
    await assertPatched()
    try {
      await this.#connect()
      await this.#live()
    } finally {
      await this.#close()
    }
    if (this.#failed.signal.aborted) throw this.#failed.signal.reason
  }

  async #connect(): Promise<void> {
    const { topic, callTimeoutMs } = this.#options
    const connect = async () => {
      await this.#membership.connect()
      await this.#membership.addMultipleTargetTopics([topic])
    }
    await bounded(`reading ${topic}`, 2 * callTimeoutMs, connect())
  }

  /** Joins, then beats; joins again whenever the group says so or was out of reach. */
  async #live(): Promise<void> {
    const heartbeatMs = Math.min(heartbeatMostMs, this.#options.sessionTimeoutMs / 3)
    const pauses = backoff(100, 2_000)
    let failures = 0
    let goodAtMs = systemClock.monotonicMs()
    let joined = false
    while (!this.#stop.aborted) {
      try {
        if (!joined) joined = await this.#join()
        await systemClock.sleep(heartbeatMs, this.#stop)
        if (this.#stop.aborted) return
        await this.#group.heartbeat({ interval: 0 })
        if (failures > 0) this.#options.log.info(this.#fields, 'group: back')
        failures = 0
        pauses.reset()
        goodAtMs = systemClock.monotonicMs()
        await this.#commitNotes()
      } catch (error) {
        failures += 1
        joined = this.#staysJoined(error, failures) && joined
        const awayMs = systemClock.monotonicMs() - goodAtMs
        if (awayMs > this.#options.awayMaxMs) throw kafkaError('group', error)
        const kind = faultKind(error)
        if (failures === heartbeatTries) {
          this.#options.log.warn({ ...this.#fields, error: describe(error) }, 'group: out of reach')
        }
        if (failures > 1 || kind === 'away') await systemClock.sleep(pauses.nextMs(), this.#stop)
      }
    }
  }

  /** Decides what a fault means for membership; throws when there is no use in going on. */
  #staysJoined(error: unknown, failures: number): boolean {
    const { log } = this.#options
    const kind = faultKind(error)
    switch (kind) {
      case 'rebalancing':
        log.debug(this.#fields, 'group: rebalancing')
        return false
      case 'unknown-member':
        log.info(this.#fields, 'group: membership was lost, joining anew')
        this.#group.memberId = null
        return false
      case 'away':
      case 'stale-metadata':
        log.debug({ ...this.#fields, error: describe(error) }, 'group: no answer')
        return failures < heartbeatTries
      case 'topic-missing':
      case 'out-of-range':
      case 'unreadable':
      case 'refused':
      case 'bug':
        throw kafkaError(`group ${this.#options.groupId}`, error)
      default:
        return unreachable(kind)
    }
  }

  /** True when joined; false when it was given up because the source ends. */
  async #join(): Promise<boolean> {
    const { memberId, generationId } = this.#group
    const joining = this.#group.joinAndSync()
    const stopped = Promise.withResolvers<false>()
    const stop = () => stopped.resolve(false)
    this.#stop.addEventListener('abort', stop)
    const done = await Promise.race([joining.then(() => true as const), stopped.promise])
    this.#stop.removeEventListener('abort', stop)
    joining.catch(() => undefined)
    if (!done) return false
    const same = memberId !== null && memberId === this.#group.memberId
    const sure = same && generationId !== null && this.#group.generationId === generationId + 1
    this.#assign(
      this.#group.assigned().flatMap(({ partitions }) => partitions),
      sure,
    )
    return true
  }

  #assign(partitions: readonly number[], sure: boolean): void {
    const released = [...this.#owned.keys()].filter((each) => !sure || !partitions.includes(each))
    for (const partition of released) this.#release(partition)
    const taken = partitions.filter((partition) => !this.#owned.has(partition))
    for (const partition of taken) this.#take(partition)
    const level = released.length + taken.length > 0 ? 'info' : 'debug'
    this.#options.log[level]({ ...this.#fields, partitions }, 'group: joined')
  }

  #take(partition: number): void {
    const lost = new AbortController()
    const former = this.#ending.get(partition)
    const done = this.#read(partition, lost, former).catch((error: unknown) => {
      this.#failed.abort(error)
    })
    this.#owned.set(partition, { lost, done })
  }

  #release(partition: number): void {
    const owned = this.#owned.get(partition)
    if (!owned) return
    owned.lost.abort()
    this.#owned.delete(partition)
    this.#notes.delete(partition)
    this.#ending.set(partition, owned.done)
  }

  async #read(
    partition: number,
    lost: AbortController,
    former: Promise<void> | undefined,
  ): Promise<void> {
    await former
    if (lost.signal.aborted) return
    const { topic } = this.#options
    const reader = new KafkaPartitionReader({
      ...this.#options,
      connections: this.#connections,
      partition: { topic, partition },
      lost: lost.signal,
      note: (next) => this.#notes.set(partition, next),
    })
    const pumping = reader.pump()
    try {
      await this.#own(reader)
    } finally {
      lost.abort()
      await pumping
    }
  }

  /** Only lag tools read these, so a commit that fails is not worth more than a trace. */
  async #commitNotes(force = false): Promise<void> {
    const nowMs = systemClock.monotonicMs()
    if (this.#notes.size === 0 || (!force && nowMs - this.#notedAtMs < noteIntervalMs)) return
    this.#notedAtMs = nowMs
    const partitions = Array.from(this.#notes, ([partition, next]) => {
      return { partition, offset: String(next) }
    })
    this.#notes.clear()
    await this.#group
      .commitOffsets({ topics: [{ topic: this.#options.topic, partitions }] })
      .catch((error: unknown) => {
        this.#options.log.debug({ ...this.#fields, error: describe(error) }, 'group: notes failed')
      })
  }

  async #close(): Promise<void> {
    for (const { lost } of this.#owned.values()) lost.abort()
    await Promise.all([...this.#ending.values(), ...[...this.#owned.values()].map((o) => o.done)])
    const leave = async () => {
      await this.#commitNotes(true)
      await this.#group.leave()
    }
    const quietly = (work: Promise<unknown>) =>
      bounded('leaving', closeTimeoutMs, work).catch((error: unknown) => {
        this.#options.log.debug({ ...this.#fields, error: describe(error) }, 'group: not left')
      })
    this.#connections.close()
    await quietly(leave())
    await quietly(this.#membership.disconnect())
  }

  get #fields() {
    return { groupId: this.#options.groupId, topic: this.#options.topic }
  }
}
