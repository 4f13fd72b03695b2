/** A client that reads all the time, and remembers what no reader may ever see. */
import type { Chain } from '../../src/dev/chain.ts'
import { randomPorts } from '../../src/dev/ports.ts'
import { parseLsn } from '../../src/position.ts'
import { userIdAt } from '../../src/traffic/population.ts'
import type { Status } from '../../src/web/statuses.ts'
import { startRole } from '../../src/dev/start-role.ts'
import type { Random } from '../../src/random.ts'
import { isMissing, UsersOfSource, type Told } from './missing-entries.ts'
import { chanceOf } from './seed.ts'
import { sleep, slowness, until } from './wait.ts'

export type AlwaysThereOptions = {
  readonly chain: Chain
  /** Of the API that is read through; begins with `api-`. */
  readonly name?: string
  readonly env?: Readonly<Record<string, string>>
  /** JSON names of the fields that every answer has to have. */
  readonly fields?: readonly string[]
  /** Whether each 404 is held to SQL: not where a test takes entries away itself. */
  readonly judgesMissing?: boolean
}

type Inside = {
  readonly fields: readonly string[]
  readonly endApi: () => Promise<void>
  readonly source: UsersOfSource | undefined
}

/** What a reader met that it should never meet, and how often; the first ones in words. */
export type Fault = 'refused' | 'half entry' | 'missing entry' | 'falling watermark' | 'not ready'

export const textFields: readonly string[] = [
  'username',
  'name',
  'description',
  'location',
  'webPageUrl',
  'joinedDate',
  'profileImageUrl',
  'backgroundImageUrl',
]
export const countFields: readonly string[] = [
  'tweetCount',
  'followingCount',
  'followerCount',
  'likeCount',
]

/** The busiest of the users that traffic plays with, and all others now and then. */
const usersRead = 300
const readers = 2
/** The machine has two cores for the whole chain and this. */
const pauseMs = 4
const statusEveryMs = 50
/** How long a view may take to come as far as the source was; nothing is told of one that takes longer. */
const behindMostMs = 60_000
const startedWithinMs = 60_000
const said = 5
let started = 0

/**
 * Starts an API and reads random users from it until `stop`, which throws if one answer was a 503
 * or none at all, lacked a field or, where that is judged, an entry that SQL has, or had a watermark
 * below one that was seen before, or if `/ready` was not green. Beside that it notes which doubts were shown.
 */
export class AlwaysThere {
  readonly url: string
  readonly #fields: readonly string[]
  readonly #endApi: () => Promise<void>
  readonly #faults = new Map<Fault, { count: number; readonly first: string[] }>()
  readonly #stopped = new AbortController()
  /** Codes in `Millrace-Doubt`, with how often each was seen. */
  readonly #flagged = new Map<string, number>()
  /** Codes in `GET /status` while it said `degraded`, with the reason. */
  readonly #degraded = new Map<string, string>()
  readonly #stale = new Set<string>()
  #loops: Promise<void>[] = []
  #watermark = 0n
  #answers = 0
  #found = 0
  readonly #random: Random
  readonly #source: UsersOfSource | undefined
  /** One 404 at a time is held to SQL. */
  #judging: Promise<void> | undefined

  private constructor(url: string, { fields, endApi, source }: Inside) {
    this.url = url
    this.#random = chanceOf('readers')
    this.#source = source
    this.#fields = ['userId', ...fields].toSorted()
    this.#endApi = endApi
  }

  /** Resolves when the API answers reads and says that it is ready. */
  static async start(options: AlwaysThereOptions): Promise<AlwaysThere> {
    started += 1
    const { chain, name = `api-watched-${started}`, env = {} } = options
    const { fields = [...textFields, ...countFields], judgesMissing = false } = options
    const source = judgesMissing ? new UsersOfSource(chain.urls.source) : undefined
    const port = String((await randomPorts()).api)
    const own = {
      MILLRACE_API_PORT: port,
      MILLRACE_STATUS_INTERVAL_MS: String(statusEveryMs),
      // While servers start beside it, two cores may keep a read for more than the second of its default.
      MILLRACE_READ_TIMEOUT_MS: '4000',
      MILLRACE_FRESH_WITHIN_MS: String(10_000 * slowness),
    }
    startRole(chain, { name, args: ['api'], env: { ...own, ...env } })
    const endApi = async () => {
      await chain.kill(name)
      chain.forget(name)
    }
    const reader = new AlwaysThere(`http://127.0.0.1:${port}`, { fields, endApi, source })
    await until(
      `${name} answers`,
      async () => {
        // A read asks the store; /ready says what the API found there a moment before.
        for (const path of ['/users/1', '/ready']) {
          const answer = await fetch(`${reader.url}${path}`).catch(() => undefined)
          await answer?.body?.cancel()
          if (answer?.status !== 200) return false
        }
        return true
      },
      startedWithinMs,
    )
    reader.#begin()
    return reader
  }

  /** Answers so far. */
  get answers(): number {
    return this.#answers
  }

  /** Codes of all doubts that answers were flagged with so far. */
  get doubtsSeen(): readonly string[] {
    return [...this.#flagged.keys()]
  }

  /** Reasons of all `/fresh` answers that were not green, each once, without its numbers. */
  get staleReasons(): readonly string[] {
    return [...this.#stale]
  }

  /** Forgets which doubts were shown, so that the next ones can be told from them. */
  forget(): void {
    this.#flagged.clear()
    this.#degraded.clear()
    this.#stale.clear()
  }

  /** Waits until answers were flagged with the doubt and `/status` was degraded for it; its reason. */
  async untilDoubted(code: string, timeoutMs?: number): Promise<string> {
    try {
      await until(
        `readers are told of ${code}`,
        () => this.#flagged.has(code) && this.#degraded.has(code),
        timeoutMs,
      )
    } catch (error) {
      const told = JSON.stringify([...this.#degraded])
      throw new Error(`${(error as Error).message}; they were told of ${told}`, { cause: error })
    }
    return this.#degraded.get(code)!
  }

  /** What was met so far, in words; empty when all was well. */
  faults(except: readonly Fault[] = []): readonly string[] {
    return [...this.#faults].flatMap(([fault, { count, first }]) =>
      except.includes(fault) ? [] : [`${fault}, ${count} times: ${first.join(' | ')}`],
    )
  }

  /** Forgets what a test brought about itself; also how far the watermark was, if that may have fallen. */
  pardon(faults: readonly Fault[]): void {
    for (const fault of faults) this.#faults.delete(fault)
    if (faults.includes('falling watermark')) this.#watermark = 0n
  }

  /** How often this was met. */
  met(fault: Fault): number {
    return this.#faults.get(fault)?.count ?? 0
  }

  /** Ends the reading and throws if a reader met what it never should. */
  async stop({ except = [] }: { readonly except?: readonly Fault[] } = {}): Promise<void> {
    await this.end()
    expect(this.faults(except)).toEqual([])
    // A client that found nobody, or hardly asked, has proved nothing.
    expect(this.#answers).toBeGreaterThan(100)
    expect(this.#found).toBeGreaterThan(this.#answers / 2)
  }

  /** Ends reading and API. May be called again. */
  async end(): Promise<void> {
    if (this.#stopped.signal.aborted) return
    this.#stopped.abort()
    await Promise.all(this.#loops)
    await this.#judging
    await this.#source?.end()
    await this.#endApi()
  }

  #begin(): void {
    const { signal } = this.#stopped
    this.#loops = [
      ...Array.from({ length: readers }, () => this.#read(signal)),
      this.#watch(signal),
    ]
  }

  async #read(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const id = userIdAt(this.#random.integer(0, usersRead - 1))
      const before = this.#watermark
      try {
        const answer = await fetch(`${this.url}/users/${id}`, {
          signal: AbortSignal.timeout(5_000),
        })
        const body = (await answer.json()) as Record<string, unknown>
        this.#answers += 1
        this.#judge(String(id), answer, body)
        this.#judgeWatermark(answer.headers.get('millrace-watermark'), before)
        if (answer.status === 404) this.#judgeAbsence(String(id), toldBy(answer))
      } catch (error) {
        this.#met('refused', `no answer: ${String(error)}`)
      }
      await sleep(pauseMs)
    }
  }

  #judge(id: string, { status, headers }: Response, body: Record<string, unknown>): void {
    for (const code of headers.get('millrace-doubt')?.split(', ') ?? []) {
      this.#flagged.set(code, (this.#flagged.get(code) ?? 0) + 1)
    }
    if (status === 404) return
    if (status !== 200) return this.#met('refused', `${status} ${JSON.stringify(body)}`)
    this.#found += 1
    const names = Object.keys(body).toSorted()
    const isWhole =
      names.join() === this.#fields.join() &&
      body.userId === id &&
      names.every((name) => isRight(name, body[name]))
    if (!isWhole) this.#met('half entry', JSON.stringify(body))
  }

  #judgeAbsence(id: string, told: Told): void {
    const source = this.#source
    if (!source || this.#judging) return
    const parts = {
      truth: () => source.truth(id),
      readBehind: (lsn: bigint) => this.#readBehind(id, lsn),
    }
    const judging = async () => {
      if (await isMissing(told, parts)) this.#met('missing entry', `SQL has user ${id}`)
      this.#judging = undefined
    }
    this.#judging = judging()
  }

  async #readBehind(id: string, lsn: bigint): Promise<Told | undefined> {
    const untilMs = performance.now() + behindMostMs
    while (!this.#stopped.signal.aborted && performance.now() < untilMs) {
      const answer = await this.#get(`/users/${id}`).catch(() => undefined)
      await answer?.body?.cancel()
      if (answer?.status === 200 || answer?.status === 404) {
        const told = toldBy(answer)
        if (told.isThere || told.isDoubted || (told.watermark ?? 0n) >= lsn) return told
      }
      await sleep(statusEveryMs)
    }
    return undefined
  }

  #judgeWatermark(text: string | null, before: bigint): void {
    if (text === null) return
    const watermark = parseLsn(text)
    const pardoned = this.#watermark < before
    if (watermark < before && !pardoned)
      this.#met('falling watermark', `${text} after ${before.toString(16)}`)
    if (watermark > this.#watermark) this.#watermark = watermark
  }

  async #watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#look().catch((error: unknown) => this.#met('not ready', String(error)))
      await sleep(statusEveryMs)
    }
  }

  async #look(): Promise<void> {
    const ready = await this.#get('/ready')
    if (ready.status !== 200) this.#met('not ready', await ready.text())
    else await ready.body?.cancel()
    const fresh = await this.#get('/fresh')
    const { reasons: why } = (await fresh.json()) as { reasons: string[] }
    if (fresh.status !== 200) {
      for (const reason of why) this.#stale.add(reason.replaceAll(/\d+/g, '…'))
    }
    const { status, reasons, views } = (await (await this.#get('/status')).json()) as Status
    if (status !== 'degraded') return
    for (const { code, reason } of views.flatMap(({ doubts }) => doubts)) {
      if (reasons.some((each) => each.includes(reason))) this.#degraded.set(code, reason)
    }
  }

  #get(path: string): Promise<Response> {
    return fetch(`${this.url}${path}`, { signal: AbortSignal.timeout(5_000) })
  }

  #met(fault: Fault, words: string): void {
    const known = this.#faults.get(fault) ?? { count: 0, first: [] }
    known.count += 1
    if (known.first.length < said) known.first.push(words.slice(0, 300))
    this.#faults.set(fault, known)
  }
}

function toldBy({ status, headers }: Response): Told {
  const watermark = headers.get('millrace-watermark')
  return {
    isThere: status === 200,
    watermark: watermark === null ? undefined : parseLsn(watermark),
    isDoubted: headers.has('millrace-doubt'),
  }
}

/** Counts are whole numbers; of the texts these two are never null in the source. */
function isRight(name: string, value: unknown): boolean {
  if (name.endsWith('Count')) return Number.isSafeInteger(value)
  if (name === 'username' || name === 'joinedDate') return typeof value === 'string'
  return value === null || typeof value === 'string'
}
