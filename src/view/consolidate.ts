import type { Cells, Fields, Mutation } from '../mutation.ts'

/**
 * Gathers the contributions of a batch and gives at most one mutation an entry. Feed it change by
 * change; `take` answers the mutations, in the order in which entries were first met, and begins
 * anew. Mutations that do nothing are left out.
 */
export function consolidator() {
  let entries = new Map<string, Gathered>()
  let cells = 0
  return {
    /** Entries and cells gathered so far, those that cancelled out among them. */
    size: () => entries.size + cells,
    add(contributions: readonly Mutation[]): void {
      for (const contribution of contributions) {
        const found = entries.get(contribution.entry) ?? begin(contribution.entry)
        cells += gather(found, contribution)
      }
    },
    take(): Mutation[] {
      const mutations: Mutation[] = []
      for (const [entry, gathered] of entries) {
        const mutation = mutationOf(entry, gathered)
        const { put, add, cells: left } = mutation
        if (put === undefined && isEmpty(add) && !left) continue
        mutations.push(mutation)
      }
      entries = new Map()
      cells = 0
      return mutations
    },
  }

  function begin(entry: string): Gathered {
    const gathered = nothing()
    entries.set(entry, gathered)
    return gathered
  }
}

/**
 * The two as one mutation of the same entry, `first` applied before `then`. Associative, because
 * the last put wins and sums don't care about brackets; not commutative where both put.
 */
export function merge(first: Mutation, then: Mutation): Mutation {
  if (first.entry !== then.entry) {
    throw new Error(`mutations of ${first.entry} and ${then.entry} can't be merged`)
  }
  const sum = nothing()
  gather(sum, first)
  gather(sum, then)
  return mutationOf(first.entry, sum)
}

type Gathered = {
  put: Fields | null | undefined
  readonly add: Record<string, bigint>
  cells: Map<string, Map<string, bigint>> | undefined
}

function nothing(): Gathered {
  return { put: undefined, add: {}, cells: undefined }
}

/** Answers how many cells are there that were not there before. */
function gather(sum: Gathered, { put, add, cells }: Omit<Mutation, 'entry'>): number {
  if (put !== undefined) sum.put = put
  for (const name in add) sum.add[name] = (sum.add[name] ?? 0n) + add[name]!
  let added = 0
  for (const [tally, items] of cells ?? []) {
    sum.cells ??= new Map()
    const known = sum.cells.get(tally) ?? new Map<string, bigint>()
    sum.cells.set(tally, known)
    added -= known.size
    for (const [item, amount] of items) known.set(item, (known.get(item) ?? 0n) + amount)
    added += known.size
  }
  return added
}

function mutationOf(entry: string, { put, add, cells }: Gathered): Mutation {
  const left = cells && cellsLeft(cells)
  const amounts = withoutZeros(add)
  return left ? { entry, put, add: amounts, cells: left } : { entry, put, add: amounts }
}

/** Undefined where all of them cancelled out. */
function cellsLeft(cells: Map<string, Map<string, bigint>>): Cells | undefined {
  for (const [tally, items] of cells) {
    for (const [item, amount] of items) if (amount === 0n) items.delete(item)
    if (items.size === 0) cells.delete(tally)
  }
  return cells.size === 0 ? undefined : cells
}

function withoutZeros(add: Record<string, bigint>): Record<string, bigint> {
  for (const name in add) if (add[name] === 0n) delete add[name]
  return add
}

function isEmpty(add: Record<string, bigint>): boolean {
  for (const _ in add) return false
  return true
}
