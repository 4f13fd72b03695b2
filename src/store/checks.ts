/**
 * What every store asks of what it is given. A caller that breaks these has a bug, so they throw
 * an ordinary Error; what the world can break is a MillraceError, made here alike for all stores.
 */
import { MillraceError } from '../errors.ts'
import type { Cells, Mutation, ViewLayout } from '../mutation.ts'
import type { CorrectionStep } from './audit.ts'
import { limits } from './limits.ts'
import type { Commit } from './writer.ts'

const int64Min = -(2n ** 63n)
const int64Max = 2n ** 63n - 1n

export function fitsInt64(value: bigint): boolean {
  return value >= int64Min && value <= int64Max
}

/** The number, or the greatest or least that fits. */
export function nearestInt64(value: bigint): bigint {
  if (fitsInt64(value)) return value
  return value < 0n ? int64Min : int64Max
}

/** A store may keep a cell's amount as a double, which holds such integers exactly. */
export function fitsCell(amount: bigint): boolean {
  return amount >= -cellMost && amount <= cellMost
}

const cellMost = 2n ** 53n - 1n

export function checkCommit(commit: Commit, layout: ViewLayout): void {
  assert(commit.to.next >= commit.from, 'a commit does not go back')
  const size = commit.mutations.reduce((sum, { cells }) => sum + 1 + sizeOf(cells), 0)
  const fits = size <= limits.mutationsMax || commit.mutations.length <= 1
  assert(fits, `at most ${limits.mutationsMax} mutations and cells`)
  checkMutations(commit.mutations, layout)
}

export function checkCorrections({ corrections }: CorrectionStep, layout: ViewLayout): void {
  assert(
    corrections.length <= limits.correctionsMax,
    `at most ${limits.correctionsMax} corrections`,
  )
  checkMutations(corrections, layout)
}

export function checkKeys(keys: readonly string[], most: number): void {
  assert(keys.length <= most, `one call asks for at most ${most} keys`)
}

/** A counter would leave 64 bits, or a cell the 53 of a double: the whole step is refused. */
export function overflowError(entry: string, count?: string): MillraceError {
  const which = count === undefined ? `a counter of ${entry}` : `${entry}: ${count}`
  return new MillraceError(
    'store-overflow',
    `${which} would leave its range, nothing was written`,
    {
      entry,
      hint:
        'Compare it with what SQL adds up: where that is more than 64 bits hold, correct the rows, or ' +
        'take the aggregate out of the declaration; else somebody has altered it. Once it is set to 0 ' +
        'in the store it takes what comes next, and a look puts it right as soon as it fits.',
    },
  )
}

/** Something under the view's names is not what the store put there. */
export function typeError(
  key: string,
  reason: string,
  { entry, cause }: { readonly entry?: string; readonly cause?: unknown } = {},
): MillraceError {
  return new MillraceError('store-type', `${key} is not what the view keeps there: ${reason}`, {
    ...(cause === undefined ? {} : { cause }),
    ...(entry === undefined ? {} : { entry }),
    hint: `Nothing was written. Look at ${key}, and move away what does not belong there.`,
  })
}

function checkMutations(
  mutations: readonly Pick<Mutation, 'entry' | 'add' | 'cells'>[],
  layout: ViewLayout,
): void {
  const seen = new Set<string>()
  const tallies = new Set(layout.tallies.map(({ name }) => name))
  for (const { entry, add, cells } of mutations) {
    assert(!seen.has(entry), `one mutation for an entry, two for ${entry}`)
    seen.add(entry)
    for (const count in add) {
      assert(layout.counts.includes(count), `${layout.name} has no counter ${count}`)
      if (!fitsInt64(add[count]!)) throw overflowError(entry, count)
    }
    for (const [tally, items] of cells ?? []) {
      assert(tallies.has(tally), `${layout.name} has no tally ${tally}`)
      assert(items.size > 0, `${tally} of ${entry} is not left out though nothing is added`)
      for (const amount of items.values()) if (!fitsCell(amount)) throw overflowError(entry, tally)
    }
  }
}

function sizeOf(cells: Cells | undefined): number {
  let size = 0
  for (const items of cells?.values() ?? []) size += items.size
  return size
}

function assert(condition: boolean, rule: string): void {
  if (!condition) throw new Error(`store: ${rule}`)
}
