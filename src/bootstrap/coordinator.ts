import { backoff, type Clock } from '../clock.ts'
import type { TopicAdmin } from '../consume/change-source.ts'
import { describe, MillraceError } from '../errors.ts'
import type { Log } from '../log.ts'
import { formatLsn, type KafkaOffset } from '../position.ts'
import type { Connector } from '../source/connector.ts'
import type { SourceDatabase } from '../source/source-database.ts'
import type { Barrier, Checkpoint, Generation, ViewStore } from '../store/store.ts'
import { takeBarrier } from './barrier.ts'

export type CoordinatorParts = {
  readonly store: ViewStore
  readonly source: Pick<SourceDatabase, 'mark' | 'end'>
  readonly connector: Pick<Connector, 'committed'>
  readonly admin: TopicAdmin
  readonly topics: readonly string[]
  /** Rejects while the source is not set up for the view. */
  readonly checkSource: () => Promise<void>
  readonly clock: Clock
  readonly log: Log
  /** Names this process in the lease. */
  readonly holder: string
  readonly leaseMs: number
  readonly barrierIntervalMs: number
  readonly barrierIdleMs: number
}

const tickMs = 100
const checkSourceEveryMs = 30_000
const barrierTimeoutMs = 10_000
const pendingMax = 64
/** Longer pauses would hold up the watermark once what was away is back. */
const pauseFirstMs = 500
const pauseMostMs = 3_000
const rebuildPauseFirstMs = 2_000
const rebuildPauseMostMs = 300_000

/**
 * Does what concerns the whole view while it holds the lease: opens and drops the generation,
 * takes barriers, publishes the watermark, and so turns the generation to serving. The lease is
 * for economy; each step is compared inside the store, so two coordinators do no harm.
 */
export class Coordinator {
  readonly #parts: CoordinatorParts
  readonly #rebuildPause = backoff(rebuildPauseFirstMs, rebuildPauseMostMs)
  #rebuildNotBeforeMs = 0
  #leaseUntilMs = 0
  #lookedAtMs = Number.NEGATIVE_INFINITY
  #barrierAtMs = Number.NEGATIVE_INFINITY
  /** Barriers that the view has not passed yet, oldest first, and of which generation. */
  #pending: { readonly generation: string; readonly barriers: Barrier[] } = {
    generation: '',
    barriers: [],
  }
  #newest: Barrier | undefined
  #checkedAtMs = Number.NEGATIVE_INFINITY
  /** Since when the topics have had other partitions than the view was built from. */
  #refusedAtMs: number | undefined

  constructor(parts: CoordinatorParts) {
    this.#parts = parts
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#parts
    const pause = backoff(pauseFirstMs, pauseMostMs)
    let said = ''
    while (!signal.aborted) {
      try {
        const holds = await this.#holdsLease()
        if (holds) await this.#turn(signal)
        pause.reset()
        // While another one coordinates, nothing is known of what was waited for.
        if (holds && said) log.info('coordination goes on')
        if (holds) said = ''
        await clock.sleep(tickMs, signal)
      } catch (error) {
        if (!(error instanceof MillraceError)) throw error
        const text = describe(error)
        if (text !== said)
          log.warn({ code: error.code, reason: text, hint: error.hint }, 'coordination waits')
        said = text
        // The next turn tries the same again, so that only its success counts as going on.
        this.#lookedAtMs = Number.NEGATIVE_INFINITY
        this.#barrierAtMs = Number.NEGATIVE_INFINITY
        await clock.sleep(pause.nextMs(), signal)
      }
    }
  }

  async #turn(signal: AbortSignal): Promise<void> {
    const { store, topics, admin, clock, barrierIntervalMs, barrierIdleMs } = this.#parts
    const generation = await store.writer.generation()
    if (!generation || generation.phase === 'dropping') {
      await this.#openAnew(generation)
      return
    }
    if (generation.mark && (await this.#rebuild(generation))) return
    // What is marked before it ever served won't serve; what serves goes on until its rebuild.
    if (generation.mark && generation.phase === 'building') return
    await this.#advance(generation)
    const nowMs = clock.monotonicMs()
    if (nowMs - this.#lookedAtMs < barrierIntervalMs) return
    this.#lookedAtMs = nowMs
    await this.#refuseOtherPartitions(generation, await admin.partitions(topics))
    await this.#refuseUnfitSource(generation)
    const due = nowMs - this.#barrierAtMs >= barrierIdleMs || generation.phase === 'building'
    if (due || this.#moved(await admin.ends(topics))) await this.#barrier(generation, signal)
  }

  /** False when it is too early: the last try was a moment ago, or the source is in a snapshot. */
  async #rebuild(generation: Generation): Promise<boolean> {
    const { clock, log, connector } = this.#parts
    if (clock.monotonicMs() < this.#rebuildNotBeforeMs) return false
    const { snapshot, commitLsn } = await connector.committed()
    // A connector made anew has no offset before its snapshot begins; the next barrier gives one.
    const unknown = commitLsn === undefined && generation.phase === 'serving'
    if (snapshot || unknown) return false
    log.warn({ mark: generation.mark }, 'building the view anew')
    await this.#openAnew(generation)
    return true
  }

  async #openAnew(seen: Generation | undefined): Promise<void> {
    const { store, topics, admin, clock, log, checkSource } = this.#parts
    await checkSource()
    const partitions = await admin.partitions(topics)
    const absent = topics.filter((topic) => !partitions[topic])
    if (absent.length > 0) {
      throw new MillraceError('no-topics', `topics ${absent.join(', ')} are not there`, {
        retriable: true,
        hint: 'They are made by the set-up: npm start, or node src/main.ts setup.',
      })
    }
    // Who asks by hand says that the topics are right as they are.
    const decided = !seen || seen.phase === 'dropping' || seen.mark?.code === 'by-hand'
    if (!decided) await this.#refuseOtherPartitions(seen, partitions)
    this.#rebuildNotBeforeMs = clock.monotonicMs() + this.#rebuildPause.nextMs()
    for await (const removed of store.coordination.drop(seen?.id)) {
      if (removed > 0) log.info({ removed }, 'removing what an earlier generation left')
      await this.#holdsLease()
    }
    const generation = await store.coordination.open(partitions)
    this.#refusedAtMs = undefined
    if (generation) log.info({ generation: generation.id, topics: partitions }, 'generation opened')
  }

  /** Holds the watermark where it is, and shows why: a row may now stand in two partitions. */
  async #refuseOtherPartitions(
    { topics }: Generation,
    found: Readonly<Record<string, number>>,
  ): Promise<void> {
    const changed = Object.entries(topics).find(([topic, known]) => found[topic] !== known)
    if (!changed) return
    const [topic, known] = changed
    const count = found[topic] ?? 0
    const error = new MillraceError(
      'partitions-changed',
      `topic ${topic} has ${count} partitions, the view was built from ${known}`,
      { hint: 'Make the topics anew by a new snapshot of the source, then npm run rebuild.' },
    )
    this.#refusedAtMs ??= this.#parts.clock.wallMs()
    // The first partition that is new or gone: no worker that the view knows of reports for it.
    const partition = { topic, partition: Math.min(known, count) }
    const { code, message, hint } = error
    const problem = { code, message, hint, sinceMs: this.#refusedAtMs }
    await this.#parts.store.writer.report(partition, problem)
    throw error
  }

  /** What the set-up has lost since it was checked made changes that never arrived. */
  async #refuseUnfitSource({ id }: Generation): Promise<void> {
    const { checkSource, clock, store } = this.#parts
    const nowMs = clock.monotonicMs()
    if (nowMs - this.#checkedAtMs < checkSourceEveryMs) return
    try {
      await checkSource()
      this.#checkedAtMs = nowMs
    } catch (error) {
      if (error instanceof MillraceError && error.code.endsWith('-unfit')) {
        const { code, message } = error
        await store.writer.mark(id, { code, reason: message, atMs: clock.wallMs() })
      }
      throw error
    }
  }

  /** Moves the watermark to the newest barrier that every partition has passed. */
  async #advance(generation: Generation): Promise<void> {
    const { store, log, clock } = this.#parts
    if (this.#pending.generation !== generation.id) {
      this.#pending = { generation: generation.id, barriers: [] }
      this.#newest = undefined
    }
    const { barriers } = this.#pending
    if (barriers.length === 0) return
    const checkpoints = await store.writer.checkpoints(generation.id)
    const index = barriers.findLastIndex((barrier) => isPassed(barrier, checkpoints))
    const barrier = barriers[index]
    if (!barrier || !(await store.coordination.advance(generation.id, barrier))) return
    barriers.splice(0, index + 1)
    if (generation.phase === 'building') {
      log.info({ watermark: formatLsn(barrier.lsn) }, 'the view serves')
    } else if (clock.monotonicMs() > this.#rebuildNotBeforeMs + rebuildPauseMostMs) {
      this.#rebuildPause.reset()
    }
  }

  /** True when the topics have grown since the newest barrier. */
  #moved(ends: ReadonlyMap<string, KafkaOffset>): boolean {
    return [...ends].some(([name, end]) => this.#newest?.ends.get(name) !== end)
  }

  async #barrier(generation: Generation, signal: AbortSignal): Promise<void> {
    const { store, clock, log } = this.#parts
    this.#barrierAtMs = clock.monotonicMs()
    const barrier = await takeBarrier(this.#parts, barrierTimeoutMs, signal)
    if (!barrier) {
      if (signal.aborted) return
      log.warn({ waitedMs: barrierTimeoutMs }, 'Connect has not passed a marker transaction')
      return
    }
    await store.coordination.publish(generation.id, barrier)
    this.#newest = barrier
    this.#pending.barriers.push(barrier)
    // A view that lags passes old barriers first: keep the oldest and thin out the middle.
    if (this.#pending.barriers.length > pendingMax) this.#pending.barriers.splice(pendingMax / 2, 1)
  }

  async #holdsLease(): Promise<boolean> {
    const { store, clock, holder, leaseMs } = this.#parts
    const nowMs = clock.monotonicMs()
    if (nowMs < this.#leaseUntilMs - (leaseMs * 2) / 3) return true
    if (!(await store.coordination.lease(holder, leaseMs))) return false
    this.#leaseUntilMs = nowMs + leaseMs
    return true
  }
}

function isPassed({ ends }: Barrier, checkpoints: ReadonlyMap<string, Checkpoint>): boolean {
  return [...ends].every(([name, end]) => {
    const checkpoint = checkpoints.get(name)
    return checkpoint?.phase === 'live' && checkpoint.next >= end
  })
}
