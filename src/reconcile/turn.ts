import { randomUUID } from 'node:crypto'
import { bounded } from '../clock.ts'
import type { Log } from '../log.ts'
import type { ViewState } from '../store/state.ts'
import { raiseBeyond, tablesBeyond } from './beyond.ts'
import { heal, type HealOptions, type Healed, type TallyPace } from './heal.ts'
import { healKeys } from './heal-keys.ts'
import { nextKeys } from './key-pages.ts'
import { keysAtOnce } from './key-sheets.ts'
import { HeldTime } from './held-time.ts'
import { lapAfter } from './lap-anchor.ts'
import { takeSheet, type Sheet } from './look.ts'
import { fullPace, steadyPace, type SteadyOptions } from './pace.ts'
import { remove } from './let-go.ts'
import {
  charged,
  completed,
  curable,
  cured,
  decodePass,
  endable,
  floorOf,
  futileOf,
  isProved,
  isStale,
  lapKindFor,
  newLap,
  reaches,
  withoutEnded,
  type PassState,
} from './pass-state.ts'
import { voided } from './passage.ts'
import type { Plan } from './plan.ts'
import type { Difference } from './judge.ts'
import type { Tally } from './statistics.ts'
import { askForFullPaceMs, WaitingPace } from './waiting-pace.ts'
import { walk, type Group, type Pace } from './walk.ts'
import { nothingCarried, WrittenLap, type Carried } from './written-lap.ts'

export type TurnOptions = {
  readonly log: Log
  readonly steady: SteadyOptions
  /** Milliseconds a day for laps at full pace that end doubts. */
  readonly fullPaceDailyMs: number
}

const anchorWaitMs = 10_000

/** The part of a lap that is gone between two looks at the view's state. */
export class Turn {
  readonly #options: TurnOptions
  readonly #plan: Plan
  readonly #state: ViewState
  readonly #carried: Carried
  readonly #held: HeldTime
  readonly #lap: WrittenLap
  /** When another process that goes at full pace is looked after again, monotonic milliseconds. */
  #untilMs = Infinity
  /** Between pages of one large tally, which is begun anew where it is broken off. */
  #tallyPace: TallyPace = fullPace

  /** `carried` is handed from turn to turn. */
  constructor(options: TurnOptions, plan: Plan, state: ViewState, carried = nothingCarried()) {
    this.#options = options
    this.#plan = plan
    this.#state = state
    this.#carried = carried
    this.#held = new HeldTime(plan)
    const left = decodePass(state.pass)
    const nowMs = plan.clock.wallMs()
    const kind = lapKindFor(state, left, options.fullPaceDailyMs, nowMs)
    const pass = left && !isStale(left, state, kind) ? left : newLap(left, kind, state, nowMs)
    const parts = { plan, log: options.log, held: this.#held, carried }
    this.#lap = new WrittenLap(parts, { pass, text: state.pass })
  }

  get #pass(): PassState {
    return this.#lap.pass
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#lookAtDoubted(signal)
    if (this.#pass.anchor === null) await this.#awaitAnchor(signal)
    const steady = this.#pass.kind === 'steady'
    const right = steady ? undefined : await this.#held.fullPace()
    const nowMs = this.#plan.clock.monotonicMs()
    this.#untilMs = right || steady ? Infinity : nowMs + askForFullPaceMs
    const pace = right ? fullPace : steadyPace(this.#plan.clock, this.#options.steady)
    const over = right ? AbortSignal.any([signal, right.lost]) : signal
    const end = new AbortController()
    const called = AbortSignal.any([over, end.signal])
    const watching = this.#called(called).then(() => end.abort())
    // A rest may be long: it ends when the state asks for something else than going on.
    const rest: Pace['rest'] = (cost, each) => pace.rest(cost, AbortSignal.any([each, called]))
    const waited = { source: this.#held, clock: this.#plan.clock }
    const waiting = right || steady ? undefined : new WaitingPace(waited, pace)
    const tallies = waiting ?? pace
    this.#tallyPace = right
      ? fullPace
      : { ...pace, rest: (...all) => this.#restUndoubted(tallies, ...all) }
    try {
      if (this.#pass.section === 'rows') {
        const after = this.#pass.after ?? undefined
        const ticket = () => (this.#pass.kind === 'build' ? randomUUID() : undefined)
        const walking = { after, pace: { ...pace, rest }, ticket, signal: over }
        await walk(this.#plan, walking, (group, left) => this.#taken(group, left, over))
      } else {
        await this.#lookAtPages(rest, over)
      }
    } finally {
      end.abort()
      await watching
      await waiting?.release()
      await right?.release()
    }
  }

  /** Resolves when the state asks for something else than going on, or `signal` aborts. */
  async #called(signal: AbortSignal): Promise<void> {
    const { watch, epoch } = this.#plan
    const goesOn = () => this.#isCurrent() && watch.state?.epoch === epoch
    await watch.until(signal, () => (goesOn() ? undefined : true))
  }

  /** False when something else has to be done first. */
  async #taken(
    { sheets, judgement, after }: Group,
    ticket: string | undefined,
    signal: AbortSignal,
  ): Promise<boolean> {
    const atOnce = this.#pass.kind === 'build'
    const healing = { atOnce, ticket, signal, ...this.#correcting() }
    const { wrong, unproved, beyond } = await heal(this.#plan, judgement, healing)
    await raiseBeyond(this.#plan, beyond, this.#options.log)
    const entries = sheets.reduce((sum, { keys }) => sum + keys.length, 0)
    const first = sheets[0]!
    const { kind, held } = this.#pass
    const lap = this.#lapAfter(first)
    await this.#lap.write(
      {
        ...this.#pass,
        ...lap,
        section: after === undefined ? 'store' : 'rows',
        after: after ?? null,
        since: this.#pass.since ?? String(first.truth.snapshot.xmin),
        ...this.#leftWith({ unproved, beyond }),
        entries: this.#pass.entries + entries,
      },
      { looks: sheets.length, entries, wrong },
    )
    this.#lap.remember(sheets.flatMap(({ keys }) => keys))
    return this.#isCurrent() && lap.kind === kind && lap.held.length === held.length
  }

  #lapAfter(sheet: Sheet): ReturnType<typeof lapAfter> {
    const needed = endable(this.#state, this.#pass)
    return lapAfter(this.#plan, this.#pass, { sheet, needed, log: this.#options.log })
  }

  /** Asks the source for no key, and so whether a transaction keeps the lap from ending doubts still. */
  async #isFreed(): Promise<boolean> {
    const lap = this.#lapAfter(await takeSheet(this.#plan, { kind: 'keys', keys: [] }))
    await this.#lap.write({ ...this.#pass, ...lap })
    return lap.held.length === 0
  }

  #correcting(): Pick<HealOptions, 'correct' | 'pace' | 'corrected'> {
    const corrected = (healed: readonly Difference[]) => {
      this.#carried.uncounted.push(...healed)
      return this.#lap.write({ ...this.#pass, mark: randomUUID() })
    }
    return { correct: true, pace: this.#tallyPace, corrected }
  }

  /** Looks at keys that the source's order may not have led to. */
  async #lookAtPages(rest: Pace['rest'], signal: AbortSignal): Promise<void> {
    const { clock } = this.#plan
    const { section } = this.#pass
    while (!signal.aborted) {
      if (this.#pass.held.length > 0 && (await this.#isFreed())) return
      const startedMs = clock.monotonicMs()
      const goesOn = () => this.#isCurrent()
      const page = await nextKeys(this.#plan, this.#pass, {
        known: this.#carried.compared,
        signal,
        goesOn,
      })
      if (page === 'lost') return this.#lap.write({ ...this.#pass, after: null })
      const { keys, below, read, next } = page
      const letGo = below ? await remove(this.#plan, below) : 0
      const busyMs = clock.monotonicMs() - startedMs
      const { wrong, ...left } = await this.#lookAt(keys, signal)
      const told = { ...this.#pass, ...this.#leftWith(left) }
      const tally = {
        looks: Math.ceil(keys.length / keysAtOnce),
        entries: keys.length,
        wrong,
        letGo,
      }
      if (next === undefined) await this.#endLap(told, tally)
      else {
        const entries = told.entries + keys.length
        await this.#lap.write({ ...told, ...next, entries }, tally)
        this.#lap.remember(keys)
      }
      await rest({ rows: read + keys.length, busyMs }, signal)
      if (this.#pass.section !== section || next === undefined || !this.#isCurrent()) return
    }
  }

  async #lookAt(keys: readonly string[], signal: AbortSignal): Promise<Healed> {
    // What was never put in has been wrong for nobody, also where its row is gone by now.
    const atOnce = this.#pass.kind === 'build'
    const ticket = atOnce ? randomUUID() : undefined
    const options = { atOnce, ticket, signal, ...this.#correcting() }
    const healed = await healKeys(this.#plan, keys, options)
    await raiseBeyond(this.#plan, healed.beyond, this.#options.log)
    return healed
  }

  /** Doubts that name their entries are cured by looking at those alone. */
  async #lookAtDoubted(signal: AbortSignal): Promise<void> {
    const doubted = this.#state.doubts.filter(({ keys, restart }) => keys.length > 0 && !restart)
    if (doubted.length === 0) return
    const keys = [...new Set(doubted.flatMap((doubt) => doubt.keys))]
    const { wrong, unproved, beyond } = await this.#lookAt(keys, signal)
    const left = [...wrong.filter(({ healed }) => !healed), ...beyond]
    const open = new Set(left.map(({ key }) => key))
    const ended = doubted.filter(
      (doubt) => isProved(doubt, unproved) && !doubt.keys.some((key) => open.has(key)),
    )
    await this.#lap.write(this.#pass, { looks: 1, entries: keys.length, wrong }, ended)
    for (const { code, reason } of ended) this.#options.log.info({ code, reason }, 'doubt ended')
  }

  /** A lap ends the doubts that its first look already stands behind, so it waits a moment for that. */
  async #awaitAnchor(signal: AbortSignal): Promise<void> {
    const needed = curable(this.#state)
    const { watch, clock } = this.#plan
    await watch.until(bounded(clock, anchorWaitMs, signal), () => {
      const newest = watch.barriers.at(-1)
      return newest && needed.every((doubt) => reaches(newest, doubt)) ? newest : undefined
    })
  }

  async #endLap(left: PassState, tally: Tally): Promise<void> {
    const { log } = this.#options
    const nowMs = this.#plan.clock.wallMs()
    const pass = charged(left, this.#held.take(), nowMs)
    const entries = pass.entries + tally.entries
    const tookMs = Math.max(0, nowMs - pass.startedAtMs)
    const state = (await this.#plan.watch.ask()) ?? this.#state
    const endedIds = new Set(cured(state, pass))
    const done = completed(state, pass)
    const futile = pass.kind === 'steady' ? pass.futile : futileOf(state, pass, endedIds)
    const before = { ...pass, floor: floorOf(state), futile }
    const after = withoutEnded(state, endedIds, done)
    const kind = lapKindFor(after, before, this.#options.fullPaceDailyMs, nowMs)
    const ended = { kind: pass.kind, atMs: nowMs, tookMs, entries, unproved: pass.unproved }
    await this.#lap.write(
      { ...newLap(before, kind, state, nowMs), ended },
      tally,
      state.doubts.filter(({ id }) => endedIds.has(id)),
      done,
    )
    const level = pass.kind === 'steady' ? 'debug' : 'info'
    log[level]({ lap: pass.lap, kind: pass.kind, entries, tookMs }, 'every entry was compared')
    for (const { id, code, reason } of state.doubts) {
      if (endedIds.has(id)) log.info({ code, reason }, 'doubt ended')
    }
    if (done.length > 0) log.info({ declarations: done, entries, tookMs }, 'the view serves')
  }

  /** Tables of which the lap leaves something as it is. */
  #leftWith(left: Pick<Healed, 'unproved' | 'beyond'>): Pick<PassState, 'unproved' | 'beyond'> {
    const { unproved, beyond } = this.#pass
    return {
      unproved: [...new Set([...unproved, ...left.unproved])],
      beyond: [...new Set([...beyond, ...tablesBeyond(this.#plan.view, left.beyond)])],
    }
  }

  /** False when the state asks for something else than going on. */
  #isCurrent(): boolean {
    return this.#plan.clock.monotonicMs() < this.#untilMs && !this.#isDoubtedAnew()
  }

  #isDoubtedAnew(): boolean {
    const known = new Set(this.#state.doubts.map(({ id }) => id))
    return !this.#plan.watch.state?.doubts.every(({ id }) => known.has(id))
  }

  async #restUndoubted(
    pace: Pick<Pace, 'rest'>,
    ...[cost, signal]: Parameters<Pace['rest']>
  ): Promise<void> {
    await pace.rest(cost, signal)
    if (this.#isDoubtedAnew()) throw voided('something is doubted that is looked at first')
  }
}
