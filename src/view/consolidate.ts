import type { Fields, Mutation } from '../mutation.ts'

/**
 * Gathers the contributions of a batch and gives at most one mutation an entry. Feed it change by
 * change; `take` answers the mutations, in the order in which entries were first met, and begins
 * anew. Mutations that do nothing are left out.
 */
export function consolidator() {
  let entries = new Map<string, Gathered>()
  return {
    /** Entries gathered so far, those that cancelled out among them. */
    size: () => entries.size,
    add(contributions: readonly Mutation[]): void {
      for (const contribution of contributions) {
        const found = entries.get(contribution.entry)
        if (found) gather(found, contribution)
        else {
          entries.set(contribution.entry, {
            put: contribution.put,
            add: { ...contribution.add },
          })
        }
      }
    },
    take(): Mutation[] {
      const mutations: Mutation[] = []
      for (const [entry, { put, add }] of entries) {
        const amounts = withoutZeros(add)
        if (put === undefined && isEmpty(amounts)) continue
        mutations.push({ entry, put, add: amounts })
      }
      entries = new Map()
      return mutations
    },
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
  const sum: Gathered = { put: first.put, add: { ...first.add } }
  gather(sum, then)
  return { entry: first.entry, put: sum.put, add: withoutZeros(sum.add) }
}

type Gathered = { put: Fields | null | undefined; add: Record<string, bigint> }

function gather(sum: Gathered, next: Mutation): void {
  if (next.put !== undefined) sum.put = next.put
  for (const name in next.add) sum.add[name] = (sum.add[name] ?? 0n) + next.add[name]!
}

function withoutZeros(add: Record<string, bigint>): Record<string, bigint> {
  for (const name in add) if (add[name] === 0n) delete add[name]
  return add
}

function isEmpty(add: Record<string, bigint>): boolean {
  for (const _ in add) return false
  return true
}
