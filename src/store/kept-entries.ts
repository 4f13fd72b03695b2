import { belowBound, type KeepBound } from '../keep.ts'
import type { Entry, ViewLayout } from '../mutation.ts'

/** Entries as readers get them: without those below the bound of the moment in which they were read. */
export function keptEntries(
  entries: readonly (Entry | null)[],
  { key }: Pick<ViewLayout, 'key'>,
  bound: KeepBound | undefined,
): readonly (Entry | null)[] {
  if (bound === undefined) return entries
  const isBelow = belowBound(key, bound)
  return entries.map((entry) => (entry && isBelow(entry.key) ? null : entry))
}
