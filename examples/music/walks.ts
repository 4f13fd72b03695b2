/**
 * Recommendations by random walks over a graph of users and items, in the manner of SALSA as GraphJet
 * runs it: from a user to one of their items, to one of its users, to one of theirs, and so on. An
 * item that many walks visit, and that the user does not know, is recommended.
 */
import { Chance } from '../chance.ts'

/** A neighbour, and how often the two met. */
export type Edge = { readonly to: string; readonly weight: number }

/** What one side of the graph leads to, many nodes at once; a node without edges may be left out. */
export type Edges = (nodes: readonly string[]) => Promise<ReadonlyMap<string, readonly Edge[]>>

export type Walk = {
  readonly seed: number
  /** Items of the user that the walks begin from. */
  readonly own: readonly Edge[]
  /** All items of the user, of which none is recommended. */
  readonly known: ReadonlySet<string>
  readonly usersOf: Edges
  readonly itemsOf: Edges
  readonly walkers: number
  /** How often each walker goes from an item over one of its users to another item. */
  readonly rounds: number
  /** Chance to begin anew at the user before each round, which keeps visits near. */
  readonly restart: number
  /** No round begins after this; what was visited by then counts. */
  readonly signal?: AbortSignal | undefined
}

export type Recommended = {
  /** Items that the user does not know, most visited first, with their share of all visits. */
  readonly items: readonly { readonly item: string; readonly share: number }[]
  /** How many were walked. As long as these are as many, one seed finds one answer in one graph. */
  readonly rounds: number
}

export async function recommend(walk: Walk): Promise<Recommended> {
  const { seed, own, known, usersOf, itemsOf, walkers, rounds, restart, signal } = walk
  if (own.length === 0) return { items: [], rounds }
  const chance = new Chance(seed)
  const begin = () => drawn(own, chance)!
  let places = Array.from({ length: walkers }, begin)
  const visits = new Map<string, number>()
  const isOver = () => signal?.aborted === true
  let round = 0
  for (; round < rounds && !isOver(); round += 1) {
    if (round > 0) places = places.map((item) => (chance.happens(restart) ? begin() : item))
    const users = await step(places, usersOf, chance)
    const items = await step(users, itemsOf, chance)
    // Who got lost, on an item that nobody hears any more, begins anew.
    places = items.map((item) => item ?? begin())
    for (const item of items) {
      if (item !== undefined) visits.set(item, (visits.get(item) ?? 0) + 1)
    }
  }
  return { items: rankedOf(visits, known), rounds: round }
}

/** All walkers at once, so that each step is one reading. */
async function step(
  places: readonly (string | undefined)[],
  edges: Edges,
  chance: Chance,
): Promise<readonly (string | undefined)[]> {
  const nodes = [...new Set(places.filter((place) => place !== undefined))]
  const found = nodes.length === 0 ? new Map<string, readonly Edge[]>() : await edges(nodes)
  return places.map((place) => place && drawn(found.get(place) ?? [], chance))
}

/** An edge as often as its weight says. */
function drawn(edges: readonly Edge[], chance: Chance): string | undefined {
  let left = chance.fraction() * edges.reduce((sum, { weight }) => sum + weight, 0)
  for (const { to, weight } of edges) {
    left -= weight
    if (left < 0) return to
  }
  return edges.at(-1)?.to
}

function rankedOf(visits: ReadonlyMap<string, number>, known: ReadonlySet<string>) {
  const all = [...visits.values()].reduce((sum, count) => sum + count, 0)
  return [...visits]
    .filter(([item]) => !known.has(item))
    .map(([item, count]) => ({ item, share: count / all }))
    .toSorted((a, b) => b.share - a.share || (a.item < b.item ? -1 : 1))
}
