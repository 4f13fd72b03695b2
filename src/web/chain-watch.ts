import type { Clock } from '../clock.ts'
import type { Config } from '../config.ts'
import { describe, MillraceError, unreachable } from '../errors.ts'
import { formatLsn, type Lsn } from '../position.ts'
import type { Phase, Problem, StoreStatus, ViewReader } from '../store/store.ts'

/** What `/ready` answers: `ready` and `degraded` with 200, `unavailable` with 503. */
export type Readiness = {
  readonly status: 'ready' | 'degraded' | 'unavailable'
  /** In words, what keeps it from being ready. */
  readonly reasons: readonly string[]
  readonly views: readonly ViewReadiness[]
}

export type ViewReadiness = {
  readonly name: string
  readonly phase: Phase | 'absent' | 'unknown'
  /** As Postgres prints an LSN. */
  readonly watermark: string | null
  /** Since the watermark was first seen where it stands, by a clock that nobody can set. */
  readonly ageMs: number | null
  /** Why a rebuild is due. */
  readonly mark: { readonly code: string; readonly reason: string; readonly since: string } | null
  readonly parked: number
  /** Partitions that stand still, and why. */
  readonly problems: readonly ReadyProblem[]
}

export type ReadyProblem = {
  readonly partition: string
  readonly code: string
  readonly message: string
  readonly hint: string | null
  readonly since: string
}

export type ChainWatchOptions = {
  readonly view: string
  readonly reader: Pick<ViewReader, 'status'>
  readonly clock: Clock
  readonly config: Pick<Config, 'staleAfterMs' | 'statusIntervalMs' | 'callTimeoutMs'>
}

type Seen = { readonly status: StoreStatus; readonly atMs: number }

/**
 * Watches whether the whole chain moves: barriers pass through all of it, also when nobody writes,
 * so a watermark that rises proves every part, and one that stands proves nothing.
 */
export class ChainWatch {
  readonly #options: ChainWatchOptions
  readonly #beganMs: number
  #seen: Seen | undefined
  #failure: string | undefined
  #movedMs: number | undefined
  #standsSinceMs: number | undefined

  constructor(options: ChainWatchOptions) {
    this.#options = options
    this.#beganMs = options.clock.monotonicMs()
  }

  /** Polls until `signal` aborts; a store that is away is asked again. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, config } = this.#options
    while (!signal.aborted) {
      await this.poll()
      await clock.sleep(config.statusIntervalMs, signal)
    }
  }

  /** Asks the store once; never rejects. */
  async poll(): Promise<void> {
    const { clock, config, reader } = this.#options
    try {
      const status = await within(reader.status(), config.callTimeoutMs)
      const atMs = clock.monotonicMs()
      this.#note(status.generation?.watermark, atMs)
      this.#seen = { status, atMs }
      this.#failure = undefined
    } catch (error) {
      this.#failure = describe(error)
    }
  }

  /** The first watermark that is seen may be an old one: only one that rises proves movement. */
  #note(watermark: Lsn | undefined, atMs: number): void {
    const before = this.#seen?.status.generation?.watermark
    if (this.#seen !== undefined && watermark === before) return
    this.#standsSinceMs = watermark === undefined ? undefined : atMs
    const rose = watermark !== undefined && (before === undefined || watermark > before)
    if (this.#seen !== undefined && rose) this.#movedMs = atMs
  }

  readiness(): Readiness {
    const view = this.#viewReadiness()
    const reasons = [...this.#storeReasons(), ...this.#viewReasons(view)]
    const weak = weaknessesOf(view)
    if (reasons.length > 0) {
      return { status: 'unavailable', reasons: [...reasons, ...weak], views: [view] }
    }
    return { status: weak.length > 0 ? 'degraded' : 'ready', reasons: weak, views: [view] }
  }

  #storeReasons(): string[] {
    const { clock, config } = this.#options
    const why = this.#failure === undefined ? '' : `: ${this.#failure}`
    if (this.#seen === undefined) return [`the store has not answered yet${why}`]
    const silentMs = clock.monotonicMs() - this.#seen.atMs
    if (silentMs <= config.statusIntervalMs * 3) return []
    return [`the store has not answered for ${Math.round(silentMs)} ms${why}`]
  }

  #viewReasons(view: ViewReadiness): string[] {
    if (view.phase === 'unknown') return []
    if (view.phase !== 'serving') return [`the view ${view.name} ${notServing(view.phase)}`]
    return [...this.#movementReasons(), ...view.problems.map(stoppedText)]
  }

  #movementReasons(): string[] {
    const { clock, config } = this.#options
    const now = clock.monotonicMs()
    const standsMs = Math.round(now - (this.#standsSinceMs ?? this.#beganMs))
    if (this.#movedMs === undefined) {
      return [`the watermark has not moved in the ${standsMs} ms since it is watched`]
    }
    if (now - this.#movedMs <= config.staleAfterMs) return []
    return [`the watermark has stood for ${standsMs} ms: changes may not arrive any more`]
  }

  #viewReadiness(): ViewReadiness {
    const { clock, view: name } = this.#options
    const status = this.#seen?.status
    const generation = status?.generation
    const since = this.#standsSinceMs
    return {
      name,
      phase: status === undefined ? 'unknown' : (generation?.phase ?? 'absent'),
      watermark: generation?.watermark === undefined ? null : formatLsn(generation.watermark),
      ageMs: since === undefined ? null : Math.round(clock.monotonicMs() - since),
      mark:
        generation?.mark === undefined
          ? null
          : {
              code: generation.mark.code,
              reason: generation.mark.reason,
              since: iso(generation.mark.atMs),
            },
      parked: status?.parked ?? 0,
      problems: [...(status?.problems ?? [])].map(([partition, problem]) =>
        readyProblem(partition, problem),
      ),
    }
  }
}

/** Words for a view that readers can't have now. */
export function notServing(phase: Phase | 'absent'): string {
  switch (phase) {
    case 'building':
      return 'is being built and serves when it is complete'
    case 'dropping':
      return 'is being dropped, to be built anew'
    case 'absent':
      return 'has not been built yet'
    case 'serving':
      return 'serves'
    default:
      return unreachable(phase)
  }
}

function weaknessesOf({ name, mark, parked }: ViewReadiness): string[] {
  const weak: string[] = []
  if (mark !== null) weak.push(`the view ${name} is due for a rebuild: ${mark.reason}`)
  if (parked > 0) weak.push(`${parked} records of the view ${name} are parked`)
  return weak
}

function stoppedText({ partition, message }: ReadyProblem): string {
  return `partition ${partition} stands still: ${message}`
}

function readyProblem(partition: string, problem: Problem): ReadyProblem {
  const { code, message, hint, sinceMs } = problem
  return { partition, code, message, hint: hint ?? null, since: iso(sinceMs) }
}

function iso(wallMs: number): string {
  return new Date(wallMs).toISOString()
}

/** The call itself goes on; nobody waits for it any more. */
async function within<Result>(call: Promise<Result>, timeoutMs: number): Promise<Result> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => reject(new MillraceError('call-timeout', `no answer within ${timeoutMs} ms`)),
    timeoutMs,
  )
  try {
    return await Promise.race([call, promise])
  } finally {
    clearTimeout(timer)
  }
}
