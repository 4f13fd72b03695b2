/**
 * What all looks have in common, whether at entries or at items of a tally: the steps of the store
 * in which they are read, the log from the anchors on, and all that makes a look void.
 */
import { MillraceError } from '../errors.ts'
import type { KeepBound } from '../keep.ts'
import { parseTopicPartition } from '../position.ts'
import type { Truth } from '../source/source.ts'
import { limits } from '../store/limits.ts'
import type { Barrier, Checkpoint } from '../store/state.ts'
import { anchorOf } from './anchor.ts'
import { inTurns } from './lists.ts'
import type { LookParts } from './look.ts'
import { awaitPassage, refuseOtherSetup, voided } from './passage.ts'
import { floorOf } from './pass-state.ts'
import { gatherUnseen, type Reading } from './unseen.ts'

/** What was told at one snapshot, and the marker that was committed after it. */
export type Taken = {
  readonly truth: Omit<Truth, 'entries'>
  readonly marker: string
}

/** What of a sheet is read in one step of the store. */
export type Step<Sheet extends Taken, Found> = Pick<Reading, 'keys' | 'items'> & {
  readonly sheet: Sheet
  /** Undefined when the epoch is another one. */
  readonly ask: () => Promise<
    { readonly found: Found; readonly checkpoints: Reading['checkpoints'] } | undefined
  >
}

export type Steps<Sheet extends Taken, Found> = {
  readonly sheets: readonly Sheet[]
  readonly steps: readonly Step<Sheet, Found>[]
  /** Those that all of it comes from. */
  readonly tables: readonly string[]
  /** Whether the steps leave tickets, for what they find to be corrected. */
  readonly ticketed: boolean
}

export type StepsRead<Sheet extends Taken, Found> = {
  readonly read: readonly {
    readonly sheet: Sheet
    readonly found: Found
    readonly reading: Reading
  }[]
  /** Tables of which nothing could be told for some of the steps. */
  readonly unproved: ReadonlySet<string>
  /** The bound of what is kept, asked once all was read: what was removed before that is below it. */
  readonly keepFrom: KeepBound | undefined
  /** When the waits were over, monotonic milliseconds. */
  readonly startedMs: number
}

/** What is read, with the tables that it comes from. */
type Passing = LookParts & { readonly tables: ReadonlySet<string> }

/** A table whose partitions have not passed the barrier by then is left out. */
const unprovedAfterMs = 5_000
const askAgainMs = 25
const endThatSession = 'End that session, or wait until it commits.'

/**
 * Reads the steps once everything is applied that the sheets' snapshots see, and from the log, in one
 * reading of it, what they do not see. Rejects with `look-void` when the set-up, the epoch or the log
 * is not the one that the sheets were taken by, `look-behind` when the view or the connector does not
 * come so far.
 */
export async function readSteps<Sheet extends Taken, Found>(
  parts: LookParts,
  { sheets, steps, tables, ticketed }: Steps<Sheet, Found>,
  signal: AbortSignal,
): Promise<StepsRead<Sheet, Found>> {
  const passage = await awaitPassage(parts, sheets, signal)
  const passing = { ...parts, tables: new Set(tables) }
  const unproved = await awaitCheckpoints(passing, passage, signal)
  const startedMs = parts.clock.monotonicMs()
  const anchors = new Map(sheets.map((sheet) => [sheet, anchorOfSheet(parts, sheet)]))
  const read = await inTurns(steps, limits.stepsAtOnce, async ({ sheet, keys, items, ask }) => {
    const answer = await ask()
    if (!answer) throw voided('the view has turned its epoch')
    const { found, checkpoints } = answer
    refuseSetBack(tablesBehind(passing, passage, checkpoints), unproved)
    const anchor = anchors.get(sheet)!.from
    const unknown = [...checkpoints.keys()].filter((name) => !anchor.has(name))
    const reading: Reading = {
      snapshot: sheet.truth.snapshot,
      anchor,
      checkpoints,
      keys,
      ...(items && { items }),
      unseen: new Map(),
      unproved: tablesOfAny(parts, unknown),
    }
    return { sheet, found, reading }
  })
  // A table that was rewritten since the truth was told leaves no trace in the log, and may have been
  // put right meanwhile by a look that came later.
  const state = await parts.watch.ask()
  refuseOtherSetup(parts, sheets)
  if (ticketed) refuseDoubted(parts, anchors)
  const readings = read.map(({ reading }) => reading)
  try {
    await gatherUnseen(parts, readings, signal)
  } catch (error) {
    throw tooFarBack(error, sheets)
  }
  for (const reading of readings) for (const table of unproved) reading.unproved.add(table)
  return {
    read,
    unproved: new Set(readings.flatMap((reading) => [...reading.unproved])),
    keepFrom: state?.keepFrom,
    startedMs,
  }
}

/** Throws while nothing that is known reaches far enough back, and names what holds it up. */
export function anchorOfSheet(
  { watch }: Pick<LookParts, 'watch'>,
  { truth }: Pick<Taken, 'truth'>,
): Barrier {
  const anchor = anchorOf(truth, watch.barriers)
  if (anchor) return anchor
  const held = truth.heldBackBy[0]
  throw new MillraceError(
    'look-behind',
    held === undefined
      ? 'no barrier reaches back to before the snapshot yet'
      : `an open transaction is older than every barrier that is kept: ${held}`,
    held === undefined ? {} : { hint: endThatSession },
  )
}

/** What an old transaction has looks read may be gone from the log: that says who holds them up. */
function tooFarBack(error: unknown, sheets: readonly Taken[]): unknown {
  const held = sheets.flatMap(({ truth }) => truth.heldBackBy)[0]
  const isGone = error instanceof MillraceError && error.code === 'out-of-range'
  if (!isGone || held === undefined) return error
  return new MillraceError(
    'look-behind',
    `an open transaction is older than what the log holds: ${held} (${error.message})`,
    { hint: endThatSession, cause: error },
  )
}

/**
 * The log from an anchor on may lack what a doubt is about that reaches beyond it: who corrects by
 * such a look would undo what later ones have put right.
 */
function refuseDoubted({ watch }: LookParts, anchors: ReadonlyMap<Taken, Barrier>): void {
  const floor = floorOf(watch.state!)
  for (const [{ truth }, { number }] of anchors) {
    if (number >= floor) continue
    const held = truth.heldBackBy[0]
    if (held === undefined) throw voided('something is doubted since the truth was told')
    throw new MillraceError('look-behind', `a transaction is older than what is doubted: ${held}`, {
      hint: endThatSession,
    })
  }
}

/**
 * Waits until the checkpoints have passed the barrier. An aggregate is judged by its own table's
 * partitions alone, so one that stands still holds up no other's proof: answers the tables left out.
 */
async function awaitCheckpoints(
  parts: Passing,
  barrier: Barrier,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const { clock, writer, epoch, tables } = parts
  const startedMs = clock.monotonicMs()
  while (!signal.aborted) {
    const checkpoints = await writer.checkpoints(epoch)
    if (checkpoints.size === 0) throw voided('the view has turned its epoch')
    const behind = tablesBehind(parts, barrier, checkpoints)
    if (behind.size === 0) return behind
    if (clock.monotonicMs() - startedMs >= unprovedAfterMs) {
      if (behind.size < tables.size) return behind
      throw new MillraceError('look-behind', 'the view has not passed a barrier in time', {
        hint: 'The worker is behind, or none runs.',
      })
    }
    await clock.sleep(askAgainMs, signal)
  }
  throw voided('the look was given up')
}

/** A store that was put back meanwhile has not passed any more what it had passed. */
function refuseSetBack(behind: ReadonlySet<string>, unproved: ReadonlySet<string>): void {
  if ([...behind].some((table) => !unproved.has(table))) throw voided('the view has gone back')
}

function tablesBehind(
  parts: Passing,
  { ends }: Barrier,
  checkpoints: ReadonlyMap<string, Checkpoint>,
): ReadonlySet<string> {
  const behind = [...checkpoints].filter(([name, { next }]) => {
    const end = ends.get(name)
    return end === undefined || next < end
  })
  const all = tablesOfAny(
    parts,
    behind.map(([name]) => name),
  )
  return new Set([...all].filter((table) => parts.tables.has(table)))
}

/** Tables of these partitions. */
function tablesOfAny({ tableOf }: LookParts, partitions: readonly string[]): Set<string> {
  return new Set(
    partitions.flatMap((name) => tableOf(parseTopicPartition(name).topic)?.table ?? []),
  )
}
