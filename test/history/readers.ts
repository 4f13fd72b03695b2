import { Redis } from 'ioredis'
import { userIdAt, type Population } from '../../src/traffic/population.ts'
import type { Random } from '../../src/random.ts'
import { sleep } from '../support/wait.ts'
import { lsnOf, type Checker, type Read, type Violation } from './checker.ts'
import {
  doubtOfText,
  entryOfHash,
  entryOfJson,
  standingOfHeaders,
  type EntryParts,
} from './entry-reads.ts'
import type { Outages, Refusal } from './outages.ts'
import type { Plants } from './plants.ts'

export type ReaderParts = {
  readonly api: string
  readonly redis: string
  readonly population: Population
  readonly random: Random
  readonly checker: Checker
  readonly outages: Outages
  readonly plants: Plants
  /** Takes a read to be judged later. */
  readonly take: (read: Read) => void
  readonly violated: (violation: Violation) => void
}

export const viewName = 'user-information'
export const stateKey = `millrace:${viewName}`
const readTimeoutMs = 15_000
/** One read of so many asks for a user that is not there. */
const strangerEvery = 40

export type ReaderTally = {
  api: number
  absent: number
  redis: number
  refused: number
  doubted: number
}

/** Clients that read random users all the time, through the API and from Redis. */
export class Readers {
  readonly tally: ReaderTally = { api: 0, absent: 0, redis: 0, refused: 0, doubted: 0 }
  readonly #parts: ReaderParts

  constructor(parts: ReaderParts) {
    this.#parts = parts
  }

  async readApi(pauseMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#askApi(this.#user())
      await sleep(pauseMs)
    }
  }

  async readRedis(pauseMs: number, signal: AbortSignal): Promise<void> {
    const redis = openRedis(this.#parts.redis)
    try {
      while (!signal.aborted) {
        const floor = this.#parts.checker.watermark
        const beganMs = Date.now()
        const user = this.#user()
        const found = await this.#tried(user, () => readEntry(redis, user))
        if (found) this.#answered({ where: 'redis', user, ...found, beganMs }, floor)
        await sleep(pauseMs)
      }
    } finally {
      redis.disconnect()
    }
  }

  async #askApi(user: string): Promise<void> {
    const floor = this.#parts.checker.watermark
    const beganMs = Date.now()
    let response: Response
    let text: string
    try {
      const signal = AbortSignal.timeout(readTimeoutMs)
      response = await fetch(`${this.#parts.api}/users/${user}`, { signal })
      text = await response.text()
    } catch (error) {
      this.#refused('unreachable', user, { beganMs, why: String((error as Error).cause ?? error) })
      await sleep(100)
      return
    }
    if (response.status !== 200 && response.status !== 404) {
      this.#refused(refusalOf(text), user, { beganMs, why: `${response.status} ${text}` })
      await sleep(50)
      return
    }
    const found = await this.#tried(user, () => {
      const absent: EntryParts = { row: null, counts: undefined }
      const entry = response.status === 404 ? absent : entryOfJson(JSON.parse(text), user)
      return Promise.resolve({ ...entry, ...standingOfHeaders(response.headers) })
    })
    if (found) this.#answered({ where: 'api', user, ...found, beganMs }, floor)
  }

  #answered(read: Omit<Read, 'endedMs'>, floor: bigint): void {
    const { checker, outages, take } = this.#parts
    const ended = { ...read, endedMs: Date.now() }
    this.tally[read.where] += 1
    if (read.row === null) this.tally.absent += 1
    if (read.doubts.length > 0) this.tally.doubted += 1
    outages.served(ended.beganMs, ended.endedMs)
    checker.answered(ended, floor)
    take(ended)
  }

  #refused(
    refusal: Refusal,
    user: string,
    { beganMs, why }: { readonly beganMs: number; readonly why: string },
  ): void {
    this.tally.refused += 1
    const endedMs = Date.now()
    if (this.#parts.outages.explains(refusal, { beganMs, endedMs })) return
    const text = `api ${user} after ${endedMs - beganMs} ms: ${refusal}: ${why.slice(0, 300)}`
    this.#parts.violated({ kind: 'refused-without-reason', text, atMs: endedMs })
  }

  /** What can't be read as an entry is a violation; a store that is away is not. */
  async #tried<T>(user: string, read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read()
    } catch (error) {
      // A hash that was deleted by hand may come back by halves until a look has healed it.
      if (isOfConnection(error) || this.#parts.plants.isPlanted(user)) return undefined
      const text = `${user}: ${Error.isError(error) ? error.message : String(error)}`
      this.#parts.violated({ kind: 'half-an-entry', text, atMs: Date.now() })
      return undefined
    }
  }

  #user(): string {
    const { random, population } = this.#parts
    if (random.integer(1, strangerEvery) === 1) return String(8_000_000_000 + random.integer(0, 99))
    const rank = random.chance(0.4)
      ? population.popular(random)
      : random.chance(0.5)
        ? population.active(random)
        : random.integer(0, population.users - 1)
    return String(userIdAt(rank))
  }
}

/** A client of Redis that fails soon and comes back soon. */
export function openRedis(url: string): Redis {
  const redis = new Redis(url, {
    commandTimeout: 10_000,
    connectTimeout: 2_000,
    maxRetriesPerRequest: 0,
    retryStrategy: () => 200,
  })
  redis.on('error', () => undefined)
  return redis
}

/** Entry, watermark and doubts of one moment; undefined while the view is not complete. */
export async function readEntry(
  redis: Redis,
  user: string,
): Promise<(EntryParts & Pick<Read, 'watermark' | 'doubts'>) | undefined> {
  const answers = await redis
    .multi()
    .hmget(stateKey, 'watermark', 'declarations')
    .hvals(`${stateKey}:doubts`)
    .hgetall(`${viewName}:${user}`)
    .hgetall(stateKey)
    .exec()
  const [[watermark], doubts, hash, state] = (answers ?? []).map(([error, value]) => {
    if (error) throw error
    return value
  }) as [[string | null], string[], Record<string, string>, Record<string, string>]
  const complete = Object.entries(state).filter(([name]) => name.startsWith('complete:'))
  if (!watermark || complete.length === 0 || complete.some(([, is]) => is !== '1')) return undefined
  return {
    ...entryOfHash(hash, user),
    watermark: lsnOf(watermark),
    doubts: doubts.map((text) => doubtOfText(text).code),
  }
}

export function isOfConnection(error: unknown): boolean {
  const text = Error.isError(error) ? `${error.name} ${error.message}` : String(error)
  return /connection|timed out|timeout|ECONN|EPIPE|LOADING|max retries|socket|closed|aborted/i.test(
    text,
  )
}

function refusalOf(body: string): Refusal {
  try {
    const { type } = JSON.parse(body) as { readonly type?: string }
    if (type?.endsWith(':view-not-serving')) return 'view-not-serving'
    if (type?.endsWith(':store-unavailable')) return 'store-unavailable'
    return 'other'
  } catch {
    return 'other'
  }
}
