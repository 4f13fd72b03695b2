/**
 * A look at items of a tally that has more cells than one look tells: the same exact comparison, of
 * some items of one tally of one entry.
 */
import { newMarker } from '../consume/marker-log.ts'
import { belowBound } from '../keep.ts'
import type { ItemPage, ItemTruth } from '../source/source.ts'
import { typeError } from '../store/checks.ts'
import { compareCells, withUnseen } from './cells.ts'
import type { Wrong } from './confirm.ts'
import type { LargeTally, LookParts } from './look.ts'
import type { Plan } from './plan.ts'
import { readSteps, type Taken } from './steps.ts'

/** Items whose truth is known, on their way to a verdict. */
export type ItemSheet = Taken & {
  readonly of: LargeTally
  readonly truth: ItemTruth
  /** Those of the truth, and those that were asked for. */
  readonly items: readonly string[]
}

export type ItemJudgement = {
  readonly wrong: ReadonlyMap<ItemSheet, Wrong>
  readonly unproved: ReadonlySet<string>
  readonly busyMs: number
}

/** The truth of a page, now. Rejects as `Source.itemTruth` does. */
export async function takeItemSheet(
  { view, source, markers }: Pick<Plan, 'view' | 'source' | 'markers'>,
  page: ItemPage,
): Promise<ItemSheet> {
  await markers.ready()
  const marker = newMarker()
  const truth = await source.itemTruth(view, page, marker)
  const asked = page.kind === 'items' ? page.items : []
  const items = [...new Set([...asked, ...truth.amounts.keys()])]
  return { of: { entry: page.entry, tally: page.tally }, truth, marker, items }
}

/**
 * Judges sheets, in one reading of the log. `ticket` is left with every entry, so with one no two
 * sheets may be of the same. Rejects as `readSteps` does, and with `store-type` where what lies there
 * is no tally.
 */
export async function judgeItems(
  parts: LookParts & Pick<Plan, 'tallies'>,
  sheets: readonly ItemSheet[],
  { ticket, signal }: { readonly ticket: string | undefined; readonly signal: AbortSignal },
): Promise<ItemJudgement> {
  const { tallies, epoch, view, clock } = parts
  const steps = sheets.map((sheet) => ({
    sheet,
    keys: [sheet.of.entry],
    items: { tally: sheet.of.tally, among: new Set(sheet.items) },
    ask: async () => {
      const { of, items } = sheet
      const answer = await tallies.look({ epoch, ...of, items, ticket })
      if (answer.kind === 'conflict') return undefined
      if (answer.kind === 'unreadable') {
        const { entry, tally } = of
        throw typeError(`${tally} of ${entry}`, 'it is no tally', { entry })
      }
      return { found: answer.amounts, checkpoints: answer.checkpoints }
    },
  }))
  const tableOf = new Map(view.tallies.map(({ stored, table }) => [stored, table]))
  const tables = sheets.map(({ of }) => tableOf.get(of.tally)!)
  const asked = { sheets, steps, tables, ticketed: ticket !== undefined }
  const { read, unproved, keepFrom, startedMs } = await readSteps(parts, asked, signal)
  const wrong = new Map<ItemSheet, Wrong>()
  const isBelow = belowBound(view.key, keepFrom)
  for (const { sheet, found, reading } of read) {
    const { entry: key, tally: field } = sheet.of
    if (isBelow(key)) continue
    if (reading.unproved.has(tableOf.get(field)!)) continue
    const expected = withUnseen(sheet.truth.amounts, reading.unseen.get(key), field)
    const compared = compareCells({ key, field }, expected, found)
    if (!compared) continue
    const cells = new Map([[field, compared.lacking]])
    const correction = { entry: key, put: undefined, add: {}, cells }
    wrong.set(sheet, { differences: compared.differences, correction })
  }
  return { wrong, unproved, busyMs: clock.monotonicMs() - startedMs }
}
