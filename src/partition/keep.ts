/**
 * What a partition goes through while this process owns it:
 *
 *   no state, or no checkpoint ──► wait for an epoch
 *   checkpoint ──► resume ──► tail ──► again
 *   tail: a fetch failed ──► prove ──► tail
 *   the log can't be continued from ──► raise a doubt, wait for another epoch
 *   an entry that the view does not keep ──► move it aside ──► again
 *   anything else ──► report, pause ──► again
 *
 * Whatever goes wrong leads back to the top, where the store says how far it really is.
 */
import { backoff, bounded, type Clock } from '../clock.ts'
import type { PartitionReader } from '../consume/change-source.ts'
import type { IdentityWindow } from '../consume/identity-window.ts'
import type { Decoder } from '../decode/decoder.ts'
import { MillraceError } from '../errors.ts'
import { belowBound } from '../keep.ts'
import type { Log } from '../log.ts'
import { tail, type Tail } from '../pipeline.ts'
import { topicPartitionName } from '../position.ts'
import { displacedDoubt } from '../store/displaced-doubt.ts'
import type { Checkpoint, ViewState } from '../store/state.ts'
import type { ViewWatch } from '../store/view-watch.ts'
import type { ViewWriter } from '../store/writer.ts'
import { mayBeNegative, type View } from '../view/view.ts'
import { doubtOf, belowZeroDoubt } from './doubts.ts'
import { otherKeySchema } from './key-schema.ts'
import { ReportedProblem } from './problem.ts'
import { prove, resume } from './resume.ts'
import { ToldDoubts } from './told-doubts.ts'

export type PartitionParts = {
  readonly reader: PartitionReader
  readonly table: string
  readonly watch: ViewWatch
  /** What to fold, where to write and how to decode in this epoch; throws when it is not for us. */
  plan(state: ViewState): PartitionPlan
  readonly clock: Clock
  readonly log: Log
  /** `min.compaction.lag.ms` of the topic, infinite where it is not compacted. */
  compactionLagMs(): number
  readonly identitiesMax: number
  readonly lingerMs: number
}

export type PartitionPlan = {
  readonly view: View
  readonly writer: ViewWriter
  readonly decoder: Decoder
}

const pauseFirstMs = 200
const pauseMostMs = 15_000
/** How often a partition to which nothing comes asks whether the store still is where it was. */
const askWhileIdleMs = 3_000
/** A record that stops the partition may be there before anybody has looked at the set-up. */
const lookedAtAfterMs = 5_000
/** How far clocks may be apart, and no farther than an eighth of the lag that they are compared with. */
const clocksApartMostMs = 7_200_000
/** A store that goes back may lose a doubt: it is raised again if nothing has come of it by then. */
const raiseAgainMs = 30_000

/** Keeps one partition of the view right until it is lost. Rejects on a bug only. */
export async function keepPartition(parts: PartitionParts): Promise<void> {
  const { reader, clock, log, watch } = parts
  const pause = backoff(pauseFirstMs, pauseMostMs)
  const problem = new ReportedProblem(parts)
  const belowZero: BelowZero[] = []
  const told = new ToldDoubts(parts)
  while (!reader.lost.aborted) {
    const state = await watch.begun(reader.lost)
    if (!state) return
    let writer: ViewWriter | undefined
    try {
      const plan = parts.plan(state)
      writer = plan.writer
      await new Turn(parts, {
        plan,
        state,
        problem,
        belowZero,
        told,
        well: () => pause.reset(),
      }).run()
    } catch (error) {
      if (reader.lost.aborted) return
      if (!(error instanceof MillraceError)) throw error
      if (writer && (await answered(parts, state, writer, error))) continue
      await problem.report(writer, error)
      await clock.sleep(pause.nextMs(), reader.lost)
    }
  }
  log.debug('partition given back')
}

/** True when something was done about the fault, so that the partition begins again at once. */
async function answered(
  { reader, watch, clock, log }: PartitionParts,
  state: ViewState,
  writer: ViewWriter,
  error: MillraceError,
): Promise<boolean> {
  const doubt = doubtOf(error, reader.partition)
  try {
    if (doubt) {
      if (await writer.raise(state.epoch, doubt)) {
        log.warn({ code: doubt.code, reason: doubt.reason }, 'the log can not be continued from')
      }
      await watch.begun(bounded(clock, raiseAgainMs, reader.lost), state.epoch)
      return true
    }
    if (error.code !== 'store-type' || error.entry === undefined) return false
    const displaced = displacedDoubt(error.entry, watch.state?.doubts ?? [])
    const place = await writer.displace(state.epoch, error.entry, displaced)
    if (place === undefined) return false
    const { reason, hint } = displaced
    log.error({ key: error.entry, place, reason, hint }, 'what was no entry was moved aside')
    return true
  } catch (fault) {
    if (!(fault instanceof MillraceError)) throw fault
    // The store is away: the next turn meets the same fault again.
    await clock.sleep(pauseFirstMs, reader.lost)
    return false
  }
}

type BelowZero = { readonly entry: string; readonly count: string }

type TurnParts = {
  readonly plan: PartitionPlan
  readonly state: ViewState
  readonly problem: ReportedProblem
  /** What the store has told and no doubt says yet: a turn may end between the two. */
  readonly belowZero: BelowZero[]
  readonly told: ToldDoubts
  /** Called whenever the partition moves, or has nothing to do. */
  readonly well: () => void
}

/** One way from the checkpoint in the store to whatever ends it. */
class Turn {
  readonly #parts: PartitionParts
  readonly #turn: TurnParts
  readonly #name: string
  /** When the store was asked for the checkpoint last. */
  #askedAtMs: number

  constructor(parts: PartitionParts, turn: TurnParts) {
    this.#parts = parts
    this.#turn = turn
    this.#askedAtMs = parts.clock.monotonicMs()
    this.#name = topicPartitionName(parts.reader.partition)
  }

  async run(): Promise<void> {
    const { reader, watch, log, identitiesMax } = this.#parts
    const { epoch } = this.#turn.state
    const { writer, decoder } = this.#turn.plan
    const found = (await writer.checkpoints(epoch)).get(this.#name)
    if (!found) {
      // A partition that the view does not know yet gets its checkpoint with another epoch.
      await watch.begun(reader.lost, epoch)
      return
    }
    const at = this.#withWindow(found)
    const resuming = { reader, decoder, identitiesMax, refuseOvertaken: this.#refuseOvertaken }
    const identities = await resume(resuming, at)
    if (reader.lost.aborted) return
    await this.#raiseBelowZero()
    log.info({ next: at.next, windowFrom: at.windowFrom, remembered: identities.size }, 'applying')
    let current: Checkpoint | undefined = at
    while (current) {
      current = await this.#tailUntilFailure(current, identities)
      if (current) await prove(resuming, current)
    }
  }

  /** The checkpoint to go on from after a failed fetch; undefined when the tail has ended. */
  async #tailUntilFailure(
    at: Checkpoint,
    identities: IdentityWindow,
  ): Promise<Checkpoint | undefined> {
    let reached = at
    const tailParts = this.#tail(identities, (next) => void (reached = next))
    try {
      await tail(tailParts, at)
      return undefined
    } catch (error) {
      if (error instanceof MillraceError && error.code === 'fetch-failed') return reached
      throw error
    }
  }

  #tail(identities: IdentityWindow, reach: (at: Checkpoint) => void): Tail {
    const { reader, table, watch, clock } = this.#parts
    const { epoch } = this.#turn.state
    const { view, writer, decoder } = this.#turn.plan
    return {
      view,
      table,
      epoch,
      partition: reader.partition,
      identities,
      barriers: () => watch.barriers,
      keepFrom: () => watch.state?.keepFrom,
      reader,
      decoder,
      writer,
      clock,
      lingerMs: this.#parts.lingerMs,
      current: () => watch.state?.epoch === epoch,
      otherKeySchema: async (than) =>
        otherKeySchema(reader.partition.topic, than, await writer.checkpoints(epoch)),
      refuseOvertaken: this.#refuseOvertaken,
      mayPass: (error) => this.#mayPass(error),
      standsAt: (at) => this.#standsAt(at),
      // A store that was put back may keep what was left out: the bound is known before the next try.
      refused: async ({ leftOutBelow }) => {
        if (leftOutBelow !== undefined) await watch.ask()
      },
      moved: async (commit, result) => {
        if (commit) reach(commit.to)
        for (const doubt of commit?.doubts ?? []) this.#turn.told.tell(doubt)
        const applied = result?.kind === 'applied' ? result.belowZero : []
        this.#turn.belowZero.push(...applied.filter(({ count }) => !mayBeNegative(view, count)))
        await this.#raiseBelowZero()
        this.#turn.well()
        await this.#turn.problem.clear(writer)
      },
    }
  }

  /** Asked now and then while nothing comes. */
  async #standsAt({ next }: Checkpoint): Promise<boolean> {
    const nowMs = this.#parts.clock.monotonicMs()
    if (nowMs - this.#askedAtMs < askWhileIdleMs) return true
    const { plan, state } = this.#turn
    const found = (await plan.writer.checkpoints(state.epoch)).get(this.#name)
    this.#askedAtMs = nowMs
    return found?.next === next
  }

  /** Where nothing was written for long, a newer barrier tells that the window is empty. */
  #withWindow(found: Checkpoint): Checkpoint {
    const from = this.#parts.watch.passed(this.#name, found.next)?.from.get(this.#name)
    return from !== undefined && from > found.windowFrom ? { ...found, windowFrom: from } : found
  }

  /**
   * Everything at or above a barrier's end was written after the barrier was begun, and compaction
   * takes nothing younger than the topic's lag. The one goes by the source's clock, the other by the
   * broker's, and what is now by that of this process.
   */
  readonly #refuseOvertaken = (at: Checkpoint, next: Checkpoint['next']): void => {
    const barrier = this.#parts.watch.passed(this.#name, at.next)
    if (next <= at.next || !barrier) return
    const lagMs = this.#parts.compactionLagMs()
    const ageMs = this.#parts.clock.wallMs() - barrier.takenAtMs
    if (ageMs <= lagMs - Math.min(lagMs / 8, clocksApartMostMs)) return
    throw new MillraceError(
      'compaction-overtaken',
      `the checkpoint is ${Math.round(ageMs / 1_000)} s behind and the topic keeps every change for ` +
        `${Math.round(lagMs / 1_000)} s, by clocks that may differ: compaction may have taken changes`,
      { hint: 'Raise min.compaction.lag.ms above the time that workers may be down.' },
    )
  }

  /**
   * The coordinator looks at the set-up all the time: what it finds no fault with is mended, once it
   * had the time to look.
   */
  #mayPass(error: MillraceError): boolean {
    const { problem } = this.#turn
    if (!error.waitsForPeople || !problem.hasStood(error, lookedAtAfterMs)) return false
    const { watch, table } = this.#parts
    const unfit = watch.state?.doubts.filter(({ code }) => code === 'source-unfit') ?? []
    if (unfit.some(({ tables }) => tables.length === 0 || tables.includes(table))) return false
    problem.passed(error)
    return true
  }

  async #raiseBelowZero(): Promise<void> {
    const { watch, reader, table } = this.#parts
    const found = this.#turn.belowZero
    if (found.length === 0) return
    // A view may have been completed since this partition was begun in its epoch, and entries may
    // have been let go: what comes for these is all that is there.
    const { declarations, keepFrom, doubts } = (await watch.ask()) ?? this.#turn.state
    const isBelow = belowBound(this.#turn.plan.view.key, keepFrom)
    const below = found.filter(({ entry }) => !isBelow(entry))
    if (below.length > 0 && declarations.every(({ complete }) => complete)) {
      const doubt = belowZeroDoubt({ partition: reader.partition, table, below }, doubts)
      this.#turn.told.tell(doubt)
      await this.#turn.plan.writer.raise(this.#turn.state.epoch, doubt)
    }
    found.length = 0
  }
}
