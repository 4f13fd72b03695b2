/** Reads entries of several served views, all of them of one moment. */
import type { Entry } from '../mutation.ts'
import type { ReadPart } from '../store/reader.ts'
import type { View } from '../view/view.ts'
import type { Standing } from './entries.ts'
import type { ServedView } from './served-view.ts'

export type ServedQuestion = { readonly served: ServedView; readonly keys: readonly string[] }

export type TogetherAnswer =
  | {
      readonly kind: 'unavailable'
      /** Name of one that is not complete. */
      readonly name: string
      readonly phase: 'absent' | 'building'
    }
  | (Standing & {
      readonly kind: 'serving'
      /** One for each question. */
      readonly found: readonly Found[]
    })

export type Found = {
  /** Has the names by which entries go. */
  readonly view: View
  /** In the order of the keys, null where there is nothing under one. */
  readonly entries: readonly (Entry | null)[]
  readonly doubts: readonly string[]
}

/** Rejects as the store does, and as `ServedView.read` does for any of the views. */
export async function readTogether(questions: readonly ServedQuestion[]): Promise<TogetherAnswer> {
  const parts: ReadPart[] = []
  const views: View[] = []
  for (const { served, keys } of questions) {
    const source = served.source()
    if (!source) return { kind: 'unavailable', name: served.own.view.name, phase: 'absent' }
    parts.push({ reader: source.reader, keys })
    views.push(source.view)
  }
  const [first] = parts
  if (!first) throw new Error('a read asks for one view at least')
  const results = await first.reader.readTogether(parts)
  for (const { served } of questions) served.answered()
  const found: Found[] = []
  const standings: Standing[] = []
  for (const [at, result] of results.entries()) {
    const view = views[at]!
    if (result.kind === 'unavailable') return { ...result, name: view.name }
    found.push({ view, entries: result.entries, doubts: result.doubts })
    standings.push(result)
  }
  return { kind: 'serving', ...leastOf(standings), found }
}

/** What can be said of all of them: the oldest watermark, the greatest age, every doubt. */
export function leastOf(standings: readonly Standing[]): Standing {
  const [first, ...others] = standings
  let { watermark, ageMs } = first!
  for (const other of others) {
    if (other.watermark < watermark) watermark = other.watermark
    ageMs = Math.max(ageMs, other.ageMs)
  }
  return { watermark, ageMs, doubts: [...new Set(standings.flatMap(({ doubts }) => doubts))] }
}
