/**
 * Views that keep their entries for some time only. The key of such a view has one part that is a
 * time: a window, or a date. A *bound* is a time in whole seconds since 1970; entries whose time is
 * below it are let go. Times without a zone are compared as those of UTC.
 */
import { splitKey } from './entry-key.ts'
import { dayText, momentText } from './types/moments.ts'
import { keyFormOf, lengthText, type KeyPart } from './types/windows.ts'

export type KeepBound = number

/** Places of the parts of a key that are times. */
export function timePartsOf(key: readonly KeyPart[]): readonly number[] {
  return key.flatMap(({ type, window }, at) => (window || type === 'date' ? [at] : []))
}

/** How far two times of such a part lie from each other at least, in seconds. */
export function stepOf({ window }: KeyPart): number {
  return window?.seconds ?? daySeconds
}

/** The bound at `nowMs`, the time of the oldest entries that stay; undefined where all of them do. */
export function boundOf(
  { key, keep }: { readonly key: readonly KeyPart[]; readonly keep?: number | undefined },
  nowMs: number,
): KeepBound | undefined {
  const at = timePartsOf(key)[0]
  if (keep === undefined || at === undefined) return undefined
  const step = stepOf(key[at]!)
  return Math.floor((Math.floor(nowMs / 1_000) - keep) / step) * step
}

/** The bound as a value of the part that is a time. */
export function boundText({ type }: KeyPart, bound: KeepBound): string {
  if (type === 'date') return dayText(Math.floor(bound / daySeconds))
  return `${momentText(BigInt(bound) * 1_000_000n)}${type === 'timestamptz' ? 'Z' : ''}`
}

/** `5 minutes` of 300. */
export function spanText(seconds: number): string {
  return lengthText({ seconds })
}

/**
 * Says of an entry whether it is below the bound; of none where there is no bound. `-infinity` is
 * below every bound, `infinity` below none.
 */
export function belowBound(
  key: readonly KeyPart[],
  bound: KeepBound | undefined,
): (entry: string) => boolean {
  const at = bound === undefined ? undefined : timePartsOf(key)[0]
  if (bound === undefined || at === undefined) return () => false
  const part = key[at]!
  const form = keyFormOf(part)
  const text = boundText(part, bound)
  // What is no key is nobody's entry: that is for others to say.
  const isBelow = (value: string) => form.isCanonical(value) && form.compare(value, text) < 0
  let last = { value: text, below: false }
  return (entry) => {
    const value = splitKey(entry, key.length)?.[at]
    if (value === undefined) return false
    // Entries that follow each other are of the same time more often than not.
    if (value !== last.value) last = { value, below: isBelow(value) }
    return last.below
  }
}

const daySeconds = 86_400
