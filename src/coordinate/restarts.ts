import type { Barrier, DoubtCode, StandingDoubt, ViewState } from '../store/state.ts'
import { partitionsOf } from '../store/restart.ts'
import type { Coordination } from './coordinator.ts'
import { decodeFingerprint } from './fingerprint.ts'

/**
 * A producer that runs goes on writing to the partitions that it knows of: these doubts need it to
 * look anew, before a barrier can tell where to go on.
 */
const needRestartedConnector: ReadonlySet<DoubtCode> = new Set([
  'partitions-changed',
  'another-log',
  'source-replaced',
])

/**
 * Where the log can't be continued from, the checkpoints are moved to a barrier that was begun
 * after that was known, in one step and under a new epoch. What was left out is found by looks.
 */
export class Restarts {
  readonly #parts: Coordination
  /** The doubts that are to be ended so, by their names, and the number that a barrier needs. */
  #prepared: { readonly names: string; readonly barrier: number } | undefined
  /** Names of the doubts that the connector was restarted for. */
  #restartedFor: string | undefined

  constructor(parts: Coordination) {
    this.#parts = parts
  }

  async look(state: ViewState): Promise<void> {
    const { watch, log, store, barriers } = this.#parts
    const due = state.doubts.filter(({ restart }) => restart !== undefined)
    if (due.length === 0) return this.#forget()
    // What stops a partition is raised again while it does, each time under a new id.
    const names = due
      .map(({ name }) => name)
      .toSorted()
      .join()
    if (this.#prepared?.names !== names) {
      if (!(await this.#prepare(due, names))) return
      this.#prepared = { names, barrier: barriers.following }
    }
    const found = decodeFingerprint(state.fingerprint!)
    const counts = Object.entries(found.topics).map(([topic, it]) => [topic, it.partitions])
    const topics = Object.fromEntries(counts) as Record<string, number>
    const barrier = watch.barriers.findLast(
      ({ number, history, from }) =>
        number >= this.#prepared!.barrier &&
        history === found.history &&
        partitionsOf(topics).every((name) => from.has(name)),
    )
    if (!barrier) return
    // Offsets of earlier barriers may be those of another log, and are forgotten before the turn:
    // whoever knows the next epoch does not meet them.
    const earlier = watch.barriers.map(({ number }) => number).filter((it) => it < barrier.number)
    await store.coordination.publish(barrier, earlier)
    const { epoch, declarations } = state
    const turned = await store.coordination.turn({
      epoch,
      declarations,
      topics,
      restarts: due.map(({ restart }) => restart!),
      offsets: barrier.from,
      doubts: state.doubts.map((doubt) => afterRestart(doubt, barrier)),
      watermarkMayFall: due.some(({ code }) => code === 'source-replaced'),
    })
    // Where it is undefined, somebody else has turned the epoch, and may have dealt with it.
    this.#forget()
    if (turned === undefined) return
    log.warn(
      { epoch: turned, reasons: due.map(({ reason }) => reason) },
      'the log is continued from a new barrier',
    )
  }

  /** What comes after this is dealt with anew, also where it goes by the same names. */
  #forget(): void {
    this.#prepared = undefined
    this.#restartedFor = undefined
  }

  /** False while the connector does not run yet. */
  async #prepare(due: readonly StandingDoubt[], names: string): Promise<boolean> {
    const { connect, connectorTask, log } = this.#parts
    if (!due.some(({ code }) => needRestartedConnector.has(code))) return true
    if (this.#restartedFor !== names) {
      log.info({ codes: due.map(({ code }) => code) }, 'the connector has to be restarted')
      await connectorTask.restart()
      this.#restartedFor = names
      return false
    }
    return (await connect.status()).state === 'running'
  }
}

/** Offsets of the doubt may be those of another log; the barrier stands behind all of them. */
function afterRestart(doubt: StandingDoubt, { number }: Barrier): StandingDoubt {
  const barrier = Math.max(doubt.barrier, number)
  return { ...doubt, restart: undefined, offsets: new Map(), barrier }
}
