/**
 * A look: one exact comparison of entries with the source, in the middle of any traffic.
 *
 *   S  the truth of a page at one snapshot; the same session then commits a marker
 *   A  the anchor: the barrier from which on the log holds all that the snapshot does not see
 *      wait until the marker arrives, until a barrier that the snapshot precedes, and until the
 *      checkpoints have passed its end: all that the snapshot sees is applied now
 *   C  entries and checkpoints, read in one step
 *      expected = truth + the contributions of changes in [A, C) that the snapshot does not see
 *
 * That is what the entries must be at C, exactly: nothing is left undecided.
 */
import { newMarker, type MarkerLog } from '../consume/marker-log.ts'
import type { Clock } from '../clock.ts'
import { MillraceError } from '../errors.ts'
import type { Log } from '../log.ts'
import { parseTopicPartition } from '../position.ts'
import type { Page, Source, Truth } from '../source/source.ts'
import type { ViewAudit } from '../store/audit.ts'
import { limits } from '../store/limits.ts'
import type { Barrier, Checkpoint, Epoch } from '../store/state.ts'
import type { ViewWatch } from '../store/view-watch.ts'
import type { ViewWriter } from '../store/writer.ts'
import { tablesOf } from '../view/view.ts'
import { anchorOf, passageOf } from './anchor.ts'
import { judge, type Evidence, type Verdict } from './judge.ts'
import { chunks, inTurns } from './lists.ts'
import { floorOf } from './pass-state.ts'
import { awaitPassage, refuseOtherSetup, voided } from './passage.ts'
import { gatherUnseen, type Reading, type UnseenParts } from './unseen.ts'

export type LookParts = UnseenParts & {
  readonly epoch: Epoch
  readonly source: Pick<Source, 'truth'>
  readonly markers: Pick<MarkerLog, 'ready' | 'arrival'>
  readonly watch: ViewWatch
  readonly writer: Pick<ViewWriter, 'checkpoints'>
  readonly audit: Pick<ViewAudit, 'look'>
  readonly clock: Clock
  readonly log: Log
}

/** A page whose truth is known, on its way to a verdict. */
export type Sheet = {
  readonly page: Page
  readonly truth: Truth
  readonly marker: string
  /** Those of the truth, and those that were asked for. */
  readonly keys: readonly string[]
}

export type Judgement = {
  readonly verdicts: ReadonlyMap<string, Verdict>
  /** Tables of which nothing could be told for some of the entries. */
  readonly unproved: ReadonlySet<string>
  /** How long judging kept store, log and process busy, waits not counted. */
  readonly busyMs: number
}

/** A table whose partitions have not passed the barrier by then is left out. */
const unprovedAfterMs = 5_000
const askAgainMs = 25
/** Steps of the store under way at once: readers wait behind all of them. */
const stepsAtOnce = 2
/** Steps that are judged in one turn of the event loop. */
const judgedAtOnce = 16

/** The truth of a page, now. Rejects as `Source.truth` does. */
export async function takeSheet(
  { view, source, markers }: Pick<LookParts, 'view' | 'source' | 'markers'>,
  page: Page,
): Promise<Sheet> {
  await markers.ready()
  const marker = newMarker()
  const truth = await source.truth(view, page, marker)
  const asked = page.kind === 'keys' ? page.keys : []
  return { page, truth, marker, keys: [...new Set([...asked, ...truth.entries.keys()])] }
}

/** The barrier behind which the sheet can be judged; undefined while there is none. */
export function passageOfSheet({ watch }: Pick<LookParts, 'watch'>, { truth }: Sheet) {
  return passageOf(truth, watch.barriers)
}

/**
 * Judges sheets, in one reading of the log. `ticket` is left with every entry. Rejects with
 * `look-void` when the set-up, the epoch or the log is not the one that the sheets were taken by,
 * `look-behind` when the view or the connector does not come so far.
 */
export async function judgeSheets(
  parts: LookParts,
  sheets: readonly Sheet[],
  { ticket, signal }: { readonly ticket: string | undefined; readonly signal: AbortSignal },
): Promise<Judgement> {
  const passage = await awaitPassage(parts, sheets, signal)
  const unproved = await awaitCheckpoints(parts, passage, signal)
  const startedMs = parts.clock.monotonicMs()
  const anchors = new Map(sheets.map((sheet) => [sheet, anchorOfSheet(parts, sheet)]))
  const steps = sheets.flatMap((sheet) =>
    chunks(sheet.keys, limits.lookKeysMax).map((keys) => ({ sheet, keys })),
  )
  const read = await inTurns(steps, stepsAtOnce, async ({ sheet, keys }) => {
    const answer = await parts.audit.look({ epoch: parts.epoch, keys, ticket })
    if (answer.kind === 'conflict') throw voided('the view has turned its epoch')
    const { texts, checkpoints } = answer
    refuseSetBack(tablesBehind(parts, passage, checkpoints), unproved)
    const anchor = anchors.get(sheet)!.from
    const reading: Reading = {
      snapshot: sheet.truth.snapshot,
      anchor,
      checkpoints,
      keys,
      unseen: new Map(),
      unproved: tablesOfAny(
        parts,
        [...checkpoints.keys()].filter((name) => !anchor.has(name)),
      ),
    }
    return { sheet, texts, reading }
  })
  // A table that was rewritten since the truth was told leaves no trace in the log, and may have been
  // put right meanwhile by a look that came later.
  await parts.watch.ask()
  refuseOtherSetup(parts, sheets)
  if (ticket !== undefined) refuseDoubted(parts, anchors)
  await gatherUnseen(
    parts,
    read.map(({ reading }) => reading),
    signal,
  )
  const verdicts = new Map<string, Verdict>()
  for (const [step, { sheet, texts, reading }] of read.entries()) {
    for (const table of unproved) reading.unproved.add(table)
    for (const [index, key] of reading.keys.entries()) {
      verdicts.set(
        key,
        judge(parts.view, evidenceOf(sheet, reading, key, texts[index]!), reading.unproved),
      )
    }
    if (step % judgedAtOnce === judgedAtOnce - 1) await parts.clock.sleep(0, signal)
  }
  return {
    verdicts,
    unproved: new Set(read.flatMap(({ reading }) => [...reading.unproved])),
    busyMs: parts.clock.monotonicMs() - startedMs,
  }
}

function evidenceOf(sheet: Sheet, { unseen }: Reading, key: string, found: string): Evidence {
  return { key, truth: sheet.truth.entries.get(key), found, unseen: unseen.get(key) }
}

/** Throws while nothing that is known reaches far enough back, and names what holds it up. */
export function anchorOfSheet(
  { watch }: Pick<LookParts, 'watch'>,
  { truth }: Pick<Sheet, 'truth'>,
): Barrier {
  const anchor = anchorOf(truth, watch.barriers)
  if (anchor) return anchor
  const held = truth.heldBackBy[0]
  throw new MillraceError(
    'look-behind',
    held === undefined
      ? 'no barrier reaches back to before the snapshot yet'
      : `an open transaction is older than every barrier that is kept: ${held}`,
    held === undefined ? {} : { hint: 'End that session, or wait until it commits.' },
  )
}

/**
 * The log from an anchor on may lack what a doubt is about that reaches beyond it: who corrects by
 * such a look would undo what later ones have put right.
 */
function refuseDoubted({ watch }: LookParts, anchors: ReadonlyMap<Sheet, Barrier>): void {
  const floor = floorOf(watch.state!)
  for (const [{ truth }, { number }] of anchors) {
    if (number >= floor) continue
    const held = truth.heldBackBy[0]
    if (held === undefined) throw voided('something is doubted since the truth was told')
    throw new MillraceError('look-behind', `a transaction is older than what is doubted: ${held}`, {
      hint: 'End that session, or wait until it commits.',
    })
  }
}

/**
 * Waits until the checkpoints have passed the barrier. An aggregate is judged by its own table's
 * partitions alone, so one that stands still holds up no other's proof: answers the tables left out.
 */
async function awaitCheckpoints(
  parts: LookParts,
  barrier: Barrier,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const { clock, writer, epoch, view } = parts
  const startedMs = clock.monotonicMs()
  while (!signal.aborted) {
    const checkpoints = await writer.checkpoints(epoch)
    if (checkpoints.size === 0) throw voided('the view has turned its epoch')
    const behind = tablesBehind(parts, barrier, checkpoints)
    if (behind.size === 0) return behind
    if (clock.monotonicMs() - startedMs >= unprovedAfterMs) {
      if (behind.size < tablesOf(view).length) return behind
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
  parts: LookParts,
  { ends }: Barrier,
  checkpoints: ReadonlyMap<string, Checkpoint>,
): ReadonlySet<string> {
  const behind = [...checkpoints].filter(([name, { next }]) => {
    const end = ends.get(name)
    return end === undefined || next < end
  })
  return tablesOfAny(
    parts,
    behind.map(([name]) => name),
  )
}

/** Tables of these partitions. */
function tablesOfAny({ tableOf }: LookParts, partitions: readonly string[]): Set<string> {
  return new Set(
    partitions.flatMap((name) => tableOf(parseTopicPartition(name).topic)?.table ?? []),
  )
}
