/** What readers get of a listener: names where stores have ids, and recommendations. */
import type { Json, ReadEntries, View } from 'millrace'
import { recommend, type Edge, type Edges } from './walks.ts'

type Entry = Readonly<Record<string, Json>>

/** A kind of what is listened to. */
export type Kind = {
  readonly view: View
  readonly names: View
  /** Names of the listener's aggregate, and of what is recommended. */
  readonly top: string
  readonly recommended: string
}

export type Listening = {
  readonly entry: Entry
  readonly kinds: readonly Kind[]
  /** The view of listeners itself. */
  readonly listeners: View
  readonly query: {
    readonly recommend: number
    readonly seed: number
    readonly budgetMs: number
  }
  readonly read: ReadEntries
  readonly signal: AbortSignal
}

const shownMost = 10
/** With these two a walk reads at most 400 entries of users, and as many of items. */
const walkers = 100
const rounds = 2
const restart = 0.3

export async function listenerAnswer(listening: Listening): Promise<Entry> {
  const { entry, kinds, read, query } = listening
  const signal = AbortSignal.any([listening.signal, AbortSignal.timeout(query.budgetMs)])
  const recommended = await Promise.all(kinds.map((kind) => recommendedOf(kind, listening, signal)))
  const tops = kinds.map(({ top }) => countedOf(entry, top).slice(0, shownMost))
  // One reading tells all names, as they are in one moment.
  const known = await read(
    kinds.map(({ names }, at) => ({
      view: names,
      keys: [...tops[at]!, ...recommended[at]!].map(({ id }) => id),
    })),
  )
  const named = kinds.map((kind, at) => {
    const names = known[at]!.map((each) => each?.['name'] ?? null)
    const top = tops[at]!.map((each, place) => ({ ...each, name: names[place]! }))
    const more = recommended[at]!.map((each, place) => ({
      ...each,
      name: names[top.length + place]!,
    }))
    return [
      [kind.top, top] as const,
      ...(query.recommend > 0 ? [[kind.recommended, more] as const] : []),
    ]
  })
  return { ...entry, ...Object.fromEntries(named.flat()) }
}

async function recommendedOf(
  { view, top }: Kind,
  { entry, listeners, query, read }: Listening,
  signal: AbortSignal,
): Promise<readonly { readonly id: string; readonly share: number }[]> {
  if (query.recommend === 0) return []
  const found = await recommend({
    seed: query.seed,
    own: edges(countedOf(entry, top)),
    usersOf: readEdges(read, view, 'listeners'),
    itemsOf: readEdges(read, listeners, top),
    walkers,
    rounds,
    restart,
    signal,
  })
  return found.slice(0, query.recommend).map(({ item, share }) => ({ id: item, share }))
}

/** What the entries of a view lead to, by one of its aggregates. */
function readEdges(read: ReadEntries, view: View, aggregate: string): Edges {
  return async (nodes) => {
    const [entries] = await read([{ view, keys: nodes, only: [aggregate] }])
    return new Map(
      nodes.flatMap((node, at) => {
        const entry = entries[at]
        return entry ? [[node, edges(countedOf(entry, aggregate))] as const] : []
      }),
    )
  }
}

type Counted = { readonly id: string; readonly count: number }

function countedOf(entry: Entry, aggregate: string): readonly Counted[] {
  return entry[aggregate] as unknown as readonly Counted[]
}

function edges(counted: readonly Counted[]): readonly Edge[] {
  return counted.map(({ id, count }) => ({ to: id, weight: count }))
}
