import { systemClock, type Clock } from '../../clock.ts'
import { fetchRequest, type Fetch, type Fetched } from './fetch-request.ts'
import { send, type Broker } from './kafkajs-internals.ts'

/** What the fetches since the last failure have in common: all of them read the same log. */
export type Link = {
  readonly broker: Broker
  readonly topicId: string
  readonly leaderEpoch: number
  /** The connection is at least as old, monotonic milliseconds. */
  readonly madeAtMs: number
  /** When the fetch was sent that was answered last, here or on a connection that was open by then. */
  provedAtMs: number | undefined
  /** When one was sent on this connection. */
  usedAtMs: number
}

export type FetchOfLink = Omit<Fetch, 'topicId' | 'leaderEpoch'>

type UnderWay = {
  readonly answer: Promise<Fetched>
  readonly sentAtMs: number
  /** Of its link. */
  readonly madeAtMs: number
}

/** Brokers close connections that are silent for long, by default for ten minutes. */
const useWithinMs = 60_000

/**
 * The fetches of a process. Readers of one partition that wait at the same offset, as those of
 * several views do at the log's end, wait for one fetch. Each keeps a link of its own, and all that
 * follows from it: where it reads, and what it is told when its own connection breaks.
 *
 * An answer to another one's fetch is what the reader's own would have brought. Both name the
 * topic's id and the leader's epoch, within which a log only grows while the broker runs. And the
 * broker has not ended in between: the other connection was open before the fetch was sent that
 * this reader was answered last, and lasted until the new answer.
 */
export class SharedFetches {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #underWay = new Map<string, UnderWay>()

  constructor(clock: Pick<Clock, 'monotonicMs'> = systemClock) {
    this.#clock = clock
  }

  /** Rejects as `send` does, for reasons of the link's own connection alone. */
  async fetch(link: Link, of: FetchOfLink): Promise<Fetched> {
    const { broker, topicId, leaderEpoch } = link
    const fetch = { ...of, topicId, leaderEpoch }
    const { partition, from, waitMs, bytesMax } = fetch
    const name = [
      broker.brokerAddress,
      topicId,
      leaderEpoch,
      partition,
      from,
      waitMs,
      bytesMax,
    ].join()
    const under = this.#underWay.get(name)
    const shared = under && this.#mayJoin(link, under) ? await quietly(under.answer) : undefined
    if (under && shared) {
      link.provedAtMs = under.sentAtMs
      return shared
    }
    const sentAtMs = this.#clock.monotonicMs()
    link.usedAtMs = sentAtMs
    const answer = this.#send(name, broker, fetch)
    this.#underWay.set(name, { answer, sentAtMs, madeAtMs: link.madeAtMs })
    const fetched = await answer
    link.provedAtMs = sentAtMs
    return fetched
  }

  #mayJoin({ provedAtMs, usedAtMs }: Link, { madeAtMs }: UnderWay): boolean {
    if (provedAtMs === undefined || madeAtMs > provedAtMs) return false
    return this.#clock.monotonicMs() - usedAtMs < useWithinMs
  }

  /** Nobody joins it any more by the time that it is answered. */
  async #send(name: string, broker: Broker, fetch: Fetch): Promise<Fetched> {
    try {
      return await send(broker, fetchRequest(fetch))
    } finally {
      this.#underWay.delete(name)
    }
  }
}

/** Undefined where it fails: that is another connection's fault, and not this reader's. */
async function quietly(answer: Promise<Fetched>): Promise<Fetched | undefined> {
  try {
    return await answer
  } catch {
    return undefined
  }
}
