/** What somebody prefers, of how often each value was met on each day. */

/** How often each value was met on one day, by dimension. */
export type Day = {
  readonly daysAgo: number
  readonly counts: Readonly<Record<string, readonly Counted[]>>
}

export type Counted = { readonly value: string | number; readonly count: number }

/** By dimension, the share of each value to six digits, largest first: 1 together, but for rounding. */
export type Preferences = Readonly<Record<string, readonly Preferred[]>>

export type Preferred = { readonly value: string | number; readonly share: number }

/** A day counts half as much as one that is `halfLifeDays` later. */
export function preferencesOf(
  days: readonly Day[],
  dimensions: readonly string[],
  halfLifeDays: number,
): Preferences {
  return Object.fromEntries(
    dimensions.map((dimension) => {
      const weights = new Map<string | number, number>()
      for (const { daysAgo, counts } of days) {
        const weight = 2 ** (-daysAgo / halfLifeDays)
        for (const { value, count } of counts[dimension] ?? []) {
          weights.set(value, (weights.get(value) ?? 0) + count * weight)
        }
      }
      return [dimension, sharesOf(weights)]
    }),
  )
}

function sharesOf(weights: ReadonlyMap<string | number, number>): readonly Preferred[] {
  const all = [...weights.values()].reduce((sum, weight) => sum + weight, 0)
  return [...weights]
    .map(([value, weight]) => ({ value, share: Math.round((weight / all) * 1e6) / 1e6 }))
    .toSorted((a, b) => b.share - a.share || (String(a.value) < String(b.value) ? -1 : 1))
}

const dayMs = 86_400_000

/** The days of this century, and nothing else: 2026-02-31 is none. */
export const dayPattern = `^20(?:${[
  '[0-9]{2}-(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])',
  '[0-9]{2}-(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)',
  '[0-9]{2}-02-(?:0[1-9]|1[0-9]|2[0-8])',
  '(?:[02468][048]|[13579][26])-02-29',
].join('|')})$`

/** The last so many days, `until` among them, newest first: `2026-05-08`. */
export function lastDays(until: string, count: number): readonly string[] {
  const last = Date.parse(`${until}T00:00:00Z`)
  return Array.from({ length: count }, (_, at) =>
    new Date(last - at * dayMs).toISOString().slice(0, 10),
  )
}
