/** What readers get of a listener: the most played with its names, and recommendations. */
import type { Json, ReadEntries, View } from 'millrace'
import { recommend, type Edge, type Edges, type Recommended } from './walks.ts'

type Entry = Readonly<Record<string, Json>>

/** A kind of what is listened to. */
export type Kind = {
  /** Ends the names of what an entry of `taste` says of it: `topArtists`. */
  readonly kind: string
  readonly view: View
  readonly names: View
}

export type Listening = {
  readonly key: string
  readonly entry: Entry
  readonly kinds: readonly Kind[]
  /** What each listener hears. */
  readonly taste: View
  readonly query: {
    readonly recommend: number
    readonly seed: number
    readonly budgetMs: number
  }
  readonly read: ReadEntries
  readonly signal: AbortSignal
}

/** Neighbours of a node that walks take, most played first. */
const edgesMost = 20
/** With these two a walk reads at most 400 entries of users, and as many of items. */
const walkers = 100
const rounds = 2
const restart = 0.3

export async function listenerAnswer(listening: Listening): Promise<Entry> {
  const { key, entry, kinds, taste, read, query } = listening
  const signal = AbortSignal.any([listening.signal, AbortSignal.timeout(query.budgetMs)])
  const isAsked = query.recommend > 0
  const only = kinds.flatMap(({ kind }) => [`top${kind}`, ...(isAsked ? [`known${kind}`] : [])])
  const [[heard]] = await read([{ view: taste, keys: [key], only }])
  // Who has deleted their last listen meanwhile has nothing.
  const list = (name: string) => countedOf(heard ?? {}, name)
  const tops = kinds.map(({ kind }) => [`top${kind}`, list(`top${kind}`)] as const)
  const answer = { ...entry, ...Object.fromEntries(tops) }
  if (!isAsked) return answer
  const found = await Promise.all(
    kinds.map((kind) => recommendedOf(kind, list(`known${kind.kind}`), listening, signal)),
  )
  // One reading tells all names, as they are in one moment.
  const keys = found.map(({ items }) => items.map(({ item }) => item))
  const known = await read(kinds.map(({ names }, at) => ({ view: names, keys: keys[at]! })))
  const recommended = kinds.map(({ kind }, at) => [
    `recommended${kind}`,
    found[at]!.items.map(({ item, share }, place) => ({
      id: item,
      share,
      name: known[at]![place]?.['name'] ?? null,
    })),
  ])
  const walked = Math.min(...found.map((each) => each.rounds))
  return { ...answer, ...Object.fromEntries(recommended), rounds: walked }
}

async function recommendedOf(
  { kind, view }: Kind,
  known: readonly Counted[],
  { taste, query, read }: Listening,
  signal: AbortSignal,
): Promise<Recommended> {
  const { rounds: walked, items } = await recommend({
    seed: query.seed,
    own: edges(known.slice(0, edgesMost)),
    known: new Set(known.map(({ id }) => id)),
    usersOf: readEdges(read, view, 'listeners'),
    itemsOf: readEdges(read, taste, `heard${kind}`),
    walkers,
    rounds,
    restart,
    signal,
  })
  return { rounds: walked, items: items.slice(0, query.recommend) }
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
  return (entry[aggregate] ?? []) as unknown as readonly Counted[]
}

function edges(counted: readonly Counted[]): readonly Edge[] {
  return counted.map(({ id, count }) => ({ to: id, weight: count }))
}
