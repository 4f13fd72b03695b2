/**
 * What every store asks of what it is given. A caller that breaks these has a bug, so they throw
 * an ordinary Error; what the world can break is a MillraceError, made here alike for all stores.
 */
import { MillraceError } from '../errors.ts'
import type { Mutation, ViewLayout } from '../mutation.ts'
import { limits } from './limits.ts'
import type { Commit, Pour } from './store.ts'

const int64Min = -(2n ** 63n)
const int64Max = 2n ** 63n - 1n

export function fitsInt64(value: bigint): boolean {
  return value >= int64Min && value <= int64Max
}

export function checkCommit(commit: Commit, layout: ViewLayout): void {
  assert(commit.to.phase === 'live', 'a commit ends in a live checkpoint')
  assert(commit.to.next >= commit.from, 'a commit does not go back')
  checkMutations(commit.mutations, layout)
}

export function checkPour(pour: Pour, layout: ViewLayout): void {
  assert(pour.to.poured === pour.poured + 1, 'a pour counts its call')
  checkMutations(pour.mutations, layout)
}

export function checkRead(keys: readonly string[]): void {
  assert(keys.length <= limits.readKeysMax, `a read asks at most ${limits.readKeysMax} keys`)
}

/** A counter would leave 64 bits: the whole step is refused. */
export function overflowError(entry: string, count?: string): MillraceError {
  const which = count === undefined ? `a counter of ${entry}` : `${entry}: ${count}`
  return new MillraceError('store-overflow', `${which} would leave 64 bits, nothing was written`, {
    hint: 'The counter was altered by hand, or counted for ever. Rebuild the view.',
  })
}

/** Something under the view's names is not what the store put there. */
export function typeError(key: string, reason: string, cause?: unknown): MillraceError {
  return new MillraceError('store-type', `${key} is not what the view keeps there: ${reason}`, {
    cause,
    hint: `Nothing was written. Look at ${key}, move away what does not belong there, and rebuild the view.`,
  })
}

function checkMutations(mutations: readonly Mutation[], layout: ViewLayout): void {
  assert(mutations.length <= limits.mutationsMax, `at most ${limits.mutationsMax} mutations a call`)
  const seen = new Set<string>()
  for (const { entry, add } of mutations) {
    assert(!seen.has(entry), `one mutation for an entry, two for ${entry}`)
    seen.add(entry)
    for (const count in add) {
      assert(layout.counts.includes(count), `${layout.name} has no counter ${count}`)
      if (!fitsInt64(add[count]!)) throw overflowError(entry, count)
    }
  }
}

function assert(condition: boolean, rule: string): void {
  if (!condition) throw new Error(`store: ${rule}`)
}
