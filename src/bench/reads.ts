import { systemClock } from '../clock.ts'
import { MillraceError } from '../errors.ts'
import { Population, userIdAt } from '../traffic/population.ts'
import { Random } from '../random.ts'
import { Durations } from './percentiles.ts'
import { RawClient } from './raw-client.ts'

export type ReadsOptions = {
  readonly api: string
  /** Requests per second. */
  readonly rate: number
  /** What is read, over and over. */
  readonly paths: readonly string[]
  readonly forMs: number
  readonly connections: number
  readonly signal: AbortSignal
}

export type ReadsResult = {
  /** From the intended moment of sending to the whole answer. */
  readonly answered: Durations
  /** From the intended moment to the real one: the load's own share of that. */
  readonly lateness: Durations
  readonly statuses: Map<number, number>
  readonly failures: number
}

/** Reads for so long that nobody counts: an API that has just begun compiles its code meanwhile. */
export const warmUpMs = 2_000

const timerMs = 1
const drainTimeoutMs = 5_000

/** An open loop: requests are sent when they are due, whether earlier ones were answered or not. */
export async function measureReads(options: ReadsOptions): Promise<ReadsResult> {
  const { api, connections } = options
  const clients = await Promise.all(Array.from({ length: connections }, () => RawClient.open(api)))
  try {
    return await load(clients, options)
  } finally {
    for (const client of clients) client.close()
  }
}

async function load(clients: readonly RawClient[], options: ReadsOptions): Promise<ReadsResult> {
  const { rate, forMs, signal } = options
  const loop = new OpenLoop(clients, options)
  const endMs = systemClock.monotonicMs() + forMs + drainTimeoutMs
  const requests = Math.floor((forMs / 1_000) * rate)
  while (loop.sent < requests && !signal.aborted && systemClock.monotonicMs() < endMs) {
    loop.sendDue(requests)
    await new Promise((resolve) => setTimeout(resolve, timerMs))
  }
  await loop.drained(drainTimeoutMs)
  if (loop.statuses.size === 0) {
    throw new MillraceError('bench', 'the API answered nothing', { hint: 'Is it up?' })
  }
  const answers = [...loop.statuses.values()].reduce((sum, times) => sum + times, 0)
  const { answered, lateness, statuses } = loop
  return { answered, lateness, statuses, failures: loop.sent - answers }
}

class OpenLoop {
  readonly answered = new Durations()
  readonly lateness = new Durations()
  readonly statuses = new Map<number, number>()
  sent = 0
  readonly #idle: RawClient[]
  readonly #rate: number
  readonly #paths: readonly string[]
  #beganMs: number | undefined
  readonly #underWay = new Set<Promise<void>>()

  constructor(clients: readonly RawClient[], { rate, paths }: ReadsOptions) {
    this.#idle = [...clients]
    this.#rate = rate
    this.#paths = paths
  }

  /** With no connection free a request waits, and its answer counts as late as it is. */
  sendDue(most: number): void {
    const nowMs = systemClock.monotonicMs()
    this.#beganMs ??= nowMs
    while (this.sent < most) {
      const dueMs = this.#beganMs + (this.sent / this.#rate) * 1_000
      if (dueMs > nowMs) return
      // In turns, for the API ends connections that send nothing.
      const client = this.#idle.shift()
      if (!client) return
      const path = this.#paths[this.sent % this.#paths.length]!
      this.sent += 1
      this.lateness.add(nowMs - dueMs)
      const asked = this.#ask(client, path, dueMs).finally(() => this.#underWay.delete(asked))
      this.#underWay.add(asked)
    }
  }

  async drained(timeoutMs: number): Promise<void> {
    const stop = new AbortController()
    await Promise.race([Promise.all(this.#underWay), systemClock.sleep(timeoutMs, stop.signal)])
    stop.abort()
  }

  /** A connection that failed is not used again. */
  async #ask(client: RawClient, path: string, dueMs: number): Promise<void> {
    const answer = await client.get(path).catch(() => undefined)
    if (answer === undefined) return
    this.answered.add(systemClock.monotonicMs() - dueMs)
    this.statuses.set(answer.status, (this.statuses.get(answer.status) ?? 0) + 1)
    this.#idle.push(client)
  }
}

/** Popular users are read most; made before, so that the load does nothing but send. */
export function popularPaths(users: number): readonly string[] {
  const [random, population] = [new Random(99), new Population(users)]
  return Array.from({ length: 20_000 }, () => `/users/${userIdAt(population.popular(random))}`)
}
