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
 * That is what the entries must be at C, exactly: nothing is left undecided. Entries below the bound
 * of what is kept, as it stands at C, are not compared: whatever lies there is let go.
 */
import { newMarker, type MarkerLog } from '../consume/marker-log.ts'
import type { Clock } from '../clock.ts'
import { belowBound, type KeepBound } from '../keep.ts'
import type { Log } from '../log.ts'
import type { Page, Source, Truth } from '../source/source.ts'
import type { ViewAudit } from '../store/audit.ts'
import { limits } from '../store/limits.ts'
import type { Epoch } from '../store/state.ts'
import type { ViewWatch } from '../store/view-watch.ts'
import type { ViewWriter } from '../store/writer.ts'
import { tablesOf, type View } from '../view/view.ts'
import { passageOf } from './anchor.ts'
import { judge, type Difference, type Evidence, type Verdict } from './judge.ts'
import { chunks, weighedChunks } from './lists.ts'
import { voided } from './passage.ts'
import { readSteps, type Taken } from './steps.ts'
import type { Reading, UnseenParts } from './unseen.ts'

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
export type Sheet = Taken & {
  readonly page: Page
  /** The bound of what is kept that the truth was asked with. */
  readonly keepFrom: KeepBound | undefined
  readonly truth: Truth
  /** Those of the truth, and those that were asked for. */
  readonly keys: readonly string[]
}

/** A tally of an entry, by its stored name, that has more cells than a look tells. */
export type LargeTally = { readonly entry: string; readonly tally: string }

export type Judgement = {
  /** None of what is below the bound of what is kept. */
  readonly verdicts: ReadonlyMap<string, Verdict>
  /** What was not compared, for it is looked at item by item. */
  readonly large: readonly LargeTally[]
  /** Numbers of the source that no counter can be. */
  readonly beyond: readonly Difference[]
  /** Tables of which nothing could be told for some of the entries. */
  readonly unproved: ReadonlySet<string>
  /** How long judging kept store, log and process busy, waits not counted. */
  readonly busyMs: number
}

/** Steps that are judged in one turn of the event loop. */
const judgedAtOnce = 16

/** The truth of a page, now. Rejects as `Source.truth` does. */
export async function takeSheet(
  { view, source, markers, watch }: Pick<LookParts, 'view' | 'source' | 'markers' | 'watch'>,
  asked: Page,
): Promise<Sheet> {
  await markers.ready()
  const marker = newMarker()
  const keepFrom = watch.state?.keepFrom
  const page = keptPage(view, asked, keepFrom)
  const truth = await source.truth(view, page, marker)
  const keys = page.kind === 'keys' ? page.keys : []
  return { page, keepFrom, truth, marker, keys: [...new Set([...keys, ...truth.entries.keys()])] }
}

/** Nothing is asked of what is below the bound. */
function keptPage({ key }: View, page: Page, keepFrom: KeepBound | undefined): Page {
  if (keepFrom === undefined) return page
  if (page.kind === 'range') return { ...page, keepFrom }
  const isBelow = belowBound(key, keepFrom)
  return { ...page, keys: page.keys.filter((each) => !isBelow(each)) }
}

/** The barrier behind which the sheet can be judged; undefined while there is none. */
export function passageOfSheet({ watch }: Pick<LookParts, 'watch'>, { truth }: Taken) {
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
  const { audit, epoch, view, clock } = parts
  const steps = sheets.flatMap((sheet) =>
    keysOfSteps(view, sheet).map((keys) => ({
      sheet,
      keys,
      ask: async () => {
        const answer = await audit.look({ epoch, keys, ticket })
        if (answer.kind === 'conflict') return undefined
        const { texts, checkpoints, keepFrom } = answer
        refuseLowered(sheet.keepFrom, keepFrom)
        return { found: { texts, isBelow: belowBound(view.key, keepFrom) }, checkpoints }
      },
    })),
  )
  const asked = { sheets, steps, tables: tablesOf(view), ticketed: ticket !== undefined }
  const { read, unproved, startedMs } = await readSteps(parts, asked, signal)
  const verdicts = new Map<string, Verdict>()
  const large: LargeTally[] = []
  const beyond: Difference[] = []
  for (const [step, { sheet, found, reading }] of read.entries()) {
    for (const [index, key] of reading.keys.entries()) {
      if (found.isBelow(key)) continue
      const evidence = evidenceOf(sheet, reading, key, found.texts[index]!)
      const verdict = judge(view, evidence, reading.unproved)
      verdicts.set(key, verdict)
      if (verdict.kind === 'unreadable') continue
      for (const tally of verdict.large ?? []) large.push({ entry: key, tally })
      beyond.push(...(verdict.beyond ?? []))
    }
    if (step % judgedAtOnce === judgedAtOnce - 1) await clock.sleep(0, signal)
  }
  return { verdicts, large, beyond, unproved, busyMs: clock.monotonicMs() - startedMs }
}

/** A store that was put back has entries still that the truth was not asked about. */
function refuseLowered(asked: KeepBound | undefined, found: KeepBound | undefined): void {
  if (asked !== undefined && (found === undefined || found < asked)) {
    throw voided('the view has gone back')
  }
}

/** Keys that are read together: as many as one step of the store may tell of. */
function keysOfSteps({ layout }: View, { keys, truth }: Sheet): string[][] {
  if (layout.tallies.length === 0) return chunks(keys, limits.lookKeysMax)
  return weighedChunks(keys, {
    most: limits.lookKeysMax,
    weightMost: limits.lookCharsMax,
    weightOf: (key) => truth.entries.get(key)?.length ?? 0,
  })
}

function evidenceOf(sheet: Sheet, { unseen }: Reading, key: string, found: string): Evidence {
  return { key, truth: sheet.truth.entries.get(key), found, unseen: unseen.get(key) }
}

/** Text of the truth, in characters. */
export function charsOf({ truth }: Sheet): number {
  let chars = 0
  for (const [key, text] of truth.entries) chars += key.length + text.length
  return chars
}
