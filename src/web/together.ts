/** Reads entries of several served views with what they look up, all of it of one moment. */
import type { Entry } from '../mutation.ts'
import type { NamedPart, ReadPart, ReadResult } from '../store/reader.ts'
import type { Looked, Lookup } from '../view/lookup.ts'
import { fieldsOf, type View } from '../view/view.ts'
import type { Standing } from './entries.ts'
import type { NarrowSource, ServedView, ViewAnswer } from './served-view.ts'

export type ServedQuestion = {
  readonly served: ServedView
  readonly keys: readonly string[]
  /** Names of fields and aggregates; left out, all are read. */
  readonly only?: readonly string[] | undefined
}

/** All that are served, by name. */
export type ServedViews = ReadonlyMap<string, ServedView>

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
  readonly looked: Looked
  readonly doubts: readonly string[]
}

/** Rejects as the store does, and as `ServedView.read` does for any of the views. */
export async function readTogether(
  questions: readonly ServedQuestion[],
  views: ServedViews,
): Promise<TogetherAnswer> {
  const asked = questions.map(({ served, keys, only }) => {
    const source = served.source()
    return { served, keys, source: only ? source?.only(only) : source }
  })
  const parts: ReadPart[] = []
  for (const { served, keys, source } of asked) {
    if (!source) return { kind: 'unavailable', name: served.own.view.name, phase: 'absent' }
    parts.push({ reader: source.reader, keys })
  }
  const lookings = asked.flatMap(({ source }, part) => lookingsOf(source!, part, views))
  for (const looking of lookings) {
    if (!looking.named) return { kind: 'unavailable', name: looking.lookup.view, phase: 'absent' }
    parts.push(looking.named)
  }
  const [first] = parts
  if (!first) throw new Error('a read asks for one view at least')
  const results = await first.reader.readTogether(parts)
  for (const { served } of questions) served.answered()
  const names = [
    ...questions.map(({ served }) => served.own.view.name),
    ...lookings.map(({ lookup }) => lookup.view),
  ]
  const answered: Serving[] = []
  for (const [at, result] of results.entries()) {
    if (result.kind === 'unavailable') return { ...result, name: names[at]! }
    answered.push(result)
  }
  return { kind: 'serving', ...leastOf(answered), found: foundOf(asked, lookings, answered) }
}

/** For a view that looks others up: reads it as `ServedView.read` does. */
export async function readLooking(
  served: ServedView,
  keys: readonly string[],
  views: ServedViews,
): Promise<ViewAnswer> {
  const answer = await readTogether([{ served, keys }], views)
  if (answer.kind === 'unavailable') return answer
  const { found, ...standing } = answer
  const { view, entries, looked } = found[0]!
  return { ...standing, view, entries, looked }
}

type Serving = Extract<ReadResult, { kind: 'serving' }>

type Looking = {
  readonly part: number
  readonly lookup: Lookup
  readonly stored: readonly string[]
  /** Undefined where the view that is looked up is not there. */
  readonly named: NamedPart | undefined
}

function lookingsOf(source: NarrowSource, part: number, views: ServedViews): readonly Looking[] {
  return (source.view.lookups ?? []).map((lookup) => {
    const other = views.get(lookup.view)
    if (!other) throw new Error(`the view ${lookup.view} is looked up and not served`)
    const names = lookup.fields.map(({ name }) => name)
    const found = other.source()?.only(names)
    const by = { part, ...placeOf(source.view, lookup) }
    const named = found && { reader: found.reader, by }
    const fields = found ? fieldsOf(found.view) : []
    const stored = names.flatMap(
      (name) => fields.find((field) => field.name === name)?.stored ?? [],
    )
    return { part, lookup, stored, named }
  })
}

/** Where the entries of a view hold the keys of a lookup. */
function placeOf(
  view: View,
  { by }: Lookup,
): { readonly field: string } | { readonly slice: string } {
  if (by.kind === 'field') {
    return { field: fieldsOf(view).find(({ name }) => name === by.field)!.stored }
  }
  return { slice: by.aggregate }
}

function foundOf(
  asked: readonly { readonly source: NarrowSource | undefined }[],
  lookings: readonly Looking[],
  answered: readonly Serving[],
): readonly Found[] {
  return asked.map(({ source }, part) => {
    const doubts = [...answered[part]!.doubts]
    const looked = new Map<string, ReadonlyMap<string, readonly (string | null)[]>>()
    for (const [at, looking] of lookings.entries()) {
      if (looking.part !== part) continue
      const { entries, doubts: others } = answered[asked.length + at]!
      doubts.push(...others)
      looked.set(
        looking.lookup.name,
        new Map(
          entries.map((entry) => [
            entry!.key,
            looking.stored.map((name) => entry!.fields[name] ?? null),
          ]),
        ),
      )
    }
    return { view: source!.view, entries: answered[part]!.entries, looked, doubts: unique(doubts) }
  })
}

/** What can be said of all of them: the oldest watermark, the greatest age, every doubt. */
export function leastOf(standings: readonly Standing[]): Standing {
  const [first, ...others] = standings
  let { watermark, ageMs } = first!
  for (const other of others) {
    if (other.watermark < watermark) watermark = other.watermark
    ageMs = Math.max(ageMs, other.ageMs)
  }
  return { watermark, ageMs, doubts: unique(standings.flatMap(({ doubts }) => doubts)) }
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)]
}
