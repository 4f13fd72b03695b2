import { bounded } from '../clock.ts'
import { MillraceError } from '../errors.ts'
import { limits } from '../store/limits.ts'
import { charsOf, judgeSheets, passageOfSheet, takeSheet } from './look.ts'
import type { Judgement, Sheet } from './look.ts'
import type { Plan } from './plan.ts'

export type Pace = {
  /** Keys of one page. */
  readonly keysMax: number
  /** Text of sheets that wait for their barrier, in characters: what bounds the memory. */
  readonly charsAhead: number
  /** Waits before more is asked of the source and the store, as the pace wants it. */
  rest(cost: Cost, signal: AbortSignal): Promise<void>
}

/** Source rows that were read, and how long that and judging kept source, store and process busy. */
export type Cost = { readonly rows: number; readonly busyMs: number }

export type Group = {
  readonly sheets: readonly Sheet[]
  readonly judgement: Judgement
  /** The key at which the next group begins; undefined at the end. */
  readonly after: string | undefined
}

export type WalkOptions = {
  readonly after: string | undefined
  readonly pace: Pace
  readonly ticket: () => string | undefined
  readonly signal: AbortSignal
}

const passageTimeoutMs = 60_000
/** Keys of the first page of a view with tallies. */
const firstKeys = 200
/** Text of sheets that one reading of the log serves, in characters. */
const groupCharsMax = 4_000_000

/**
 * Walks the keys in the source's order from `after` on: truth is taken ahead while sheets wait for
 * the barrier that they need, and all sheets before a barrier are judged together. `take` is given
 * each group in order, and answers false to end the walk.
 */
export async function walk(
  plan: Plan,
  options: WalkOptions,
  take: (group: Group, ticket: string | undefined) => Promise<boolean>,
): Promise<void> {
  const end = new AbortController()
  const signal = AbortSignal.any([options.signal, end.signal])
  const queue = new SheetQueue()
  const taking = takeAhead(plan, queue, { ...options, signal })
    .catch((error: unknown) => {
      queue.failure = error
    })
    // However it ends, it leaves nobody waiting for another sheet.
    .finally(() => queue.wake())
  try {
    const ended = await judgeInOrder(plan, queue, { ...options, signal }, take)
    // The rest after the last page keeps a view of few pages at its pace.
    if (ended) await taking
  } finally {
    end.abort()
    queue.wake()
    await taking
  }
}

async function takeAhead(plan: Plan, queue: SheetQueue, options: WalkOptions): Promise<void> {
  const { pace, signal } = options
  let after = options.after
  // Entries with tallies may be long, which is known once there is a page.
  const tallied = plan.layout.tallies.length > 0
  let keysMax = tallied ? Math.min(firstKeys, pace.keysMax) : pace.keysMax
  while (!signal.aborted) {
    const startedMs = plan.clock.monotonicMs()
    const sheet = await takeSheet(plan, { kind: 'range', after, keysMax })
    after = sheet.truth.last
    const busyMs = plan.clock.monotonicMs() - startedMs + queue.takeBusyMs()
    const chars = charsOf(sheet)
    if (tallied && chars > 0) {
      const fitting = Math.floor((pace.charsAhead / 2 / chars) * sheet.truth.entries.size)
      keysMax = Math.max(1, Math.min(pace.keysMax, fitting))
    }
    queue.push({ sheet, chars, last: after === undefined })
    await pace.rest({ rows: sheet.truth.rows, busyMs }, signal)
    if (after === undefined) return
    while (!signal.aborted && queue.chars >= pace.charsAhead) await queue.changed()
  }
}

/** True when the last page was taken, false when `take` has ended the walk. */
async function judgeInOrder(
  plan: Plan,
  queue: SheetQueue,
  { ticket, signal }: WalkOptions,
  take: (group: Group, ticket: string | undefined) => Promise<boolean>,
): Promise<boolean> {
  while (!signal.aborted) {
    while (!signal.aborted && queue.first === undefined) await queue.changed()
    if (signal.aborted) break
    await awaitPassage(plan, queue, signal)
    const held = queue.take(({ sheet }) => passageOfSheet(plan, sheet) !== undefined)
    // The wait was over for a failure, which is thrown where the next sheet is asked for.
    if (held.length === 0) continue
    const sheets = held.map(({ sheet }) => sheet)
    const left = ticket()
    const judgement = await judgeSheets(plan, sheets, { ticket: left, signal })
    queue.addBusyMs(judgement.busyMs)
    const group = { sheets, judgement, after: sheets.at(-1)!.truth.last }
    if (!(await take(group, left))) return false
    if (held.at(-1)!.last) return true
  }
  throw new MillraceError('look-void', 'the walk was given up')
}

/** A barrier for the first sheet comes never if the source has failed over meanwhile. */
async function awaitPassage(plan: Plan, queue: SheetQueue, signal: AbortSignal): Promise<void> {
  const { watch, clock, epoch } = plan
  const first = queue.first!.sheet
  const isOver = () => queue.failure !== undefined || watch.state?.epoch !== epoch
  const ready = await watch.until(
    bounded(clock, passageTimeoutMs, signal),
    () => passageOfSheet(plan, first) ?? (isOver() || undefined),
  )
  if (watch.state?.epoch !== epoch) {
    throw new MillraceError('look-void', 'the view has turned its epoch')
  }
  if (ready || signal.aborted) return
  throw new MillraceError(
    'look-behind',
    `no barrier was published within ${passageTimeoutMs / 1_000} s`,
    { hint: 'A worker that coordinates the view takes them; its log says what holds it up.' },
  )
}

type Held = {
  readonly sheet: Sheet
  readonly chars: number
  /** True for the last sheet of all. */
  readonly last: boolean
}

/** Sheets in their order, between the one who takes them and the one who judges them. */
class SheetQueue {
  #held: Held[] = []
  #wake = Promise.withResolvers<void>()
  #busyMs = 0
  failure: unknown

  /** Time that judging took, for whoever takes sheets to rest for it as well. */
  addBusyMs(ms: number): void {
    this.#busyMs += ms
  }

  takeBusyMs(): number {
    const busyMs = this.#busyMs
    this.#busyMs = 0
    return busyMs
  }

  get first(): Held | undefined {
    if (this.failure !== undefined) throw this.failure
    return this.#held[0]
  }

  get chars(): number {
    return this.#held.reduce((sum, { chars }) => sum + chars, 0)
  }

  push(held: Held): void {
    this.#held.push(held)
    this.wake()
  }

  /** The first sheets that all hold to `fits`, at least one, as many as one reading serves. */
  take(fits: (held: Held) => boolean): Held[] {
    let [chars, keys] = [0, 0]
    const end = this.#held.findIndex((held, index) => {
      chars += held.chars
      keys += held.sheet.keys.length
      const isFull = chars > groupCharsMax || keys > limits.judgedKeysMax
      return !fits(held) || (isFull && index > 0)
    })
    const taken = this.#held.splice(0, end < 0 ? this.#held.length : end)
    this.wake()
    return taken
  }

  changed(): Promise<void> {
    return this.#wake.promise
  }

  wake(): void {
    this.#wake.resolve()
    this.#wake = Promise.withResolvers()
  }
}
