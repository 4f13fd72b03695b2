/**
 * Does what concerns the whole view, while this process holds the lease: begins it, takes barriers,
 * moves the watermark, looks at the set-up, raises the bound of what is kept, goes on from a new barrier where the log can't be
 * continued from, and brings in an applied declaration. The lease is for economy; each step is
 * compared inside the store, so two coordinators do no harm.
 */
import { backoff, type Clock } from '../clock.ts'
import { describe, MillraceError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Connect } from '../source/connect.ts'
import { Reported } from '../store/reported.ts'
import { partitionsOf } from '../store/restart.ts'
import type { Checkpoint, ViewState } from '../store/state.ts'
import type { ViewStore } from '../store/store.ts'
import type { ViewWatch } from '../store/view-watch.ts'
import { isPassed, type Barriers } from './barriers.ts'
import { begin } from './beginning.ts'
import type { ConnectorTask } from './connector-task.ts'
import { Restarts } from './restarts.ts'
import { Retention } from './retention.ts'
import type { Setup } from './setup.ts'
import { doubt } from './setup-doubts.ts'
import { SetupWatch } from './setup-watch.ts'
import { Succession } from './succession.ts'
import type { OwnView } from './view-plan.ts'

export type Coordination = {
  readonly own: OwnView
  readonly store: ViewStore
  readonly watch: ViewWatch
  readonly setup: Setup
  readonly barriers: Barriers
  readonly connect: Pick<Connect, 'status'>
  readonly connectorTask: Pick<ConnectorTask, 'restart'>
  readonly clock: Clock
  readonly log: Log
}

export type CoordinatorParts = Coordination & {
  /** Runs beside, while this process coordinates. */
  readonly beside: readonly ((signal: AbortSignal) => Promise<void>)[]
  /** Names this process in the lease. */
  readonly holder: string
  readonly leaseMs: number
  /** Between looks at the set-up. */
  readonly setupIntervalMs: number
}

const tickMs = 100
const pauseFirstMs = 500
/** Longer pauses would hold up the watermark once what was away is back. */
const pauseMostMs = 3_000

export class Coordinator {
  readonly #parts: CoordinatorParts
  readonly #setupWatch: SetupWatch
  /** What these two know holds for one lease: others may have done it meanwhile. */
  #restarts: Restarts
  #succession: Succession
  readonly #retention: Retention
  /** Why the view can't be begun. */
  #unbegun: Reported
  #leaseUntilMs = Number.NEGATIVE_INFINITY
  #setupAtMs = Number.NEGATIVE_INFINITY
  /** Number of the newest barrier that was taken before a look at the set-up began. */
  #lookedBehind = 0
  #advanced = -1
  #said = ''

  constructor(parts: CoordinatorParts) {
    this.#parts = parts
    this.#setupWatch = new SetupWatch(parts)
    this.#restarts = new Restarts(parts)
    this.#succession = new Succession(parts)
    this.#retention = new Retention(parts)
    this.#unbegun = new Reported(parts.clock, 'view')
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts
    while (!signal.aborted) {
      const held = await this.#tried(() => this.#holdsLease())
      if (held) await this.#coordinate(signal)
      await clock.sleep(tickMs * 5, signal)
    }
  }

  /** Until the lease is lost or `signal` aborts. */
  async #coordinate(signal: AbortSignal): Promise<void> {
    const { barriers, beside, log } = this.#parts
    const end = new AbortController()
    const over = AbortSignal.any([signal, end.signal])
    this.#retention.takeOver()
    this.#unbegun = new Reported(this.#parts.clock, 'view')
    this.#restarts = new Restarts(this.#parts)
    this.#succession = new Succession(this.#parts)
    log.info('this process coordinates the view')
    const loops = [
      this.#turns(over),
      this.#keepLease(over),
      barriers.run(over),
      ...beside.map((run) => run(over)),
    ].map((loop) => loop.finally(() => end.abort()))
    try {
      await Promise.all(loops)
    } finally {
      await Promise.allSettled(loops)
    }
    if (!signal.aborted) log.info('another process coordinates the view')
  }

  async #turns(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts
    const pause = backoff(pauseFirstMs, pauseMostMs)
    while (!signal.aborted) {
      const held = await this.#tried(async () => {
        if (!(await this.#holdsLease())) return false
        await this.#turn(signal)
        return true
      })
      if (held === false) return
      if (held) pause.reset()
      await clock.sleep(held ? tickMs : pause.nextMs(), signal)
    }
  }

  /** A turn may wait for Connect, or for a barrier, for longer than the lease lasts. */
  async #keepLease(signal: AbortSignal): Promise<void> {
    const { clock, leaseMs } = this.#parts
    while (!signal.aborted) {
      const held = await this.#holdsLease().catch(throwUnlessFault)
      if (held === false) return
      await clock.sleep(leaseMs / 3, signal)
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    const { watch, clock, store, setupIntervalMs } = this.#parts
    const state = await watch.ask()
    if (!state) return this.#begin(signal)
    if (state.instance === undefined) await store.coordination.giveInstance(state.epoch)
    const { layout } = this.#parts.own.view
    const checkpoints = await store.writer(layout).checkpoints(state.epoch)
    const nowMs = clock.monotonicMs()
    const newest = state.barrier?.number ?? 0
    const isDue = nowMs - this.#setupAtMs >= setupIntervalMs || newest > this.#lookedBehind
    if (isDue) {
      await this.#setupWatch.look(state)
      this.#setupAtMs = nowMs
      this.#lookedBehind = newest
    }
    await this.#advance(state, checkpoints)
    if (!isDue) return
    await this.#retention.look(state)
    await this.#refuseMissing(state, checkpoints)
    await this.#restarts.look((await watch.ask()) ?? state)
    await this.#succession.look(state, checkpoints)
  }

  /** Shows what people have to mend first. Once the view is begun, nothing of that is left. */
  async #begin(signal: AbortSignal): Promise<void> {
    const { store, own } = this.#parts
    try {
      await begin(this.#parts, signal)
    } catch (error) {
      if (error instanceof MillraceError && error.waitsForPeople) {
        await this.#unbegun.report(store.writer(own.view.layout), error)
      }
      throw error
    }
  }

  /** Raises a doubt about partitions whose checkpoints the store has lost: nobody applies them. */
  async #refuseMissing(
    { epoch, topics, doubts }: ViewState,
    checkpoints: ReadonlyMap<string, Checkpoint>,
  ): Promise<void> {
    const { store, own, barriers, log } = this.#parts
    const partitions = partitionsOf(topics).filter((name) => !checkpoints.has(name))
    if (partitions.length === 0) return
    if (doubts.some(({ code }) => code === 'checkpoint-missing')) return
    const reason = `the store has no checkpoint of ${partitions.join(', ')} any more`
    const hint = 'Find out who deletes keys of the store that begin with millrace:.'
    const restart = { how: 'forward', partitions } as const
    const raised = doubt('checkpoint-missing', barriers.following, { reason, hint, restart })
    // Without a checkpoint since another epoch was begun, this changes nothing.
    if (!(await store.writer(own.view.layout).raise(epoch, raised))) return
    log.error({ code: raised.code, reason, hint }, 'doubt raised')
  }

  /**
   * Moves the watermark to the newest barrier that every partition has passed and that the set-up
   * was looked at behind: what kept changes before it from the log is a doubt by then.
   */
  async #advance(
    { epoch }: ViewState,
    checkpoints: ReadonlyMap<string, Checkpoint>,
  ): Promise<void> {
    const { watch, store, barriers } = this.#parts
    const passed = watch.barriers.findLast(
      (barrier) => barrier.number <= this.#lookedBehind && isPassed(barrier, checkpoints),
    )
    if (!passed || passed.number === this.#advanced) return
    if (await store.coordination.advance(epoch, passed, barriers.ageMs(passed))) {
      this.#advanced = passed.number
    }
  }

  /** Undefined when it failed; the fault is logged, each once. */
  async #tried<T>(act: () => Promise<T>): Promise<T | undefined> {
    const { log } = this.#parts
    try {
      const result = await act()
      if (this.#said && result) log.info('coordination goes on')
      if (result) this.#said = ''
      return result
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error
      const text = describe(error)
      if (text !== this.#said) {
        const level = error.retriable ? 'warn' : 'error'
        log[level]({ code: error.code, reason: text, hint: error.hint }, 'coordination waits')
      }
      this.#said = text
      return undefined
    }
  }

  async #holdsLease(): Promise<boolean> {
    const { store, clock, holder, leaseMs, own } = this.#parts
    const nowMs = clock.monotonicMs()
    if (nowMs < this.#leaseUntilMs - (leaseMs * 2) / 3) return true
    const wanted = await store.watchable.wanted()
    const over = wanted?.declaration === own.id
    const claim = { holder, declaration: own.id, ttlMs: leaseMs, over }
    if (!(await store.coordination.lease(claim))) {
      this.#leaseUntilMs = Number.NEGATIVE_INFINITY
      return false
    }
    this.#leaseUntilMs = nowMs + leaseMs
    return true
  }
}

/** The next turn meets it as well, and tells of it. */
function throwUnlessFault(error: unknown): void {
  if (!(error instanceof MillraceError)) throw error
}
