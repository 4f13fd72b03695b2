import { createHash } from 'node:crypto'
import { z } from 'zod'
import { nameOfField, type Difference } from './judge.ts'

/** How long one bucket of the statistics is, and how many make a day. */
const bucketMs = 300_000
const bucketsOfDay = 288
const bucketsOfHour = 12
/** Wrong values that are kept for people to see. */
const wrongMax = 20

const wrongSchema = z.object({
  key: z.string(),
  field: z.string(),
  /** Counters as they are; of anything else a hash, for it is personal data. */
  expected: z.string().nullable(),
  found: z.string().nullable(),
  atMs: z.number(),
  healed: z.boolean(),
})

export const statisticsSchema = z.object({
  /** Since the view was begun. */
  looks: z.number(),
  entries: z.number(),
  wrong: z.number(),
  healed: z.number(),
  /** Entries that were removed, for they were too old to be kept. */
  letGo: z.number().default(0),
  /** Entries looked at and found wrong, by number of the bucket, oldest first. */
  buckets: z.array(z.tuple([z.number(), z.number(), z.number()])),
  /** The newest last. */
  latest: z.array(wrongSchema),
})

export type Statistics = z.infer<typeof statisticsSchema>
export type WrongValue = z.infer<typeof wrongSchema>

export const noStatistics: Statistics = {
  looks: 0,
  entries: 0,
  wrong: 0,
  healed: 0,
  letGo: 0,
  buckets: [],
  latest: [],
}

/** What a group of looks found. */
export type Tally = {
  readonly looks: number
  readonly entries: number
  /** Values that two looks found wrong, and whether a correction was applied. */
  readonly wrong: readonly (Difference & { readonly healed: boolean })[]
  /** Entries that were removed, for they were too old to be kept. */
  readonly letGo?: number
}

export function counted(before: Statistics, tally: Tally, nowMs: number): Statistics {
  const wrongEntries = new Set(tally.wrong.map(({ key }) => key)).size
  const healed = new Set(tally.wrong.flatMap((each) => (each.healed ? [each.key] : []))).size
  const latest = tally.wrong
    .slice(-wrongMax)
    .map((each) => ({ ...shownDifference(each), atMs: nowMs, healed: each.healed }))
  return {
    looks: before.looks + tally.looks,
    entries: before.entries + tally.entries,
    wrong: before.wrong + wrongEntries,
    healed: before.healed + healed,
    letGo: before.letGo + (tally.letGo ?? 0),
    buckets: filled(before.buckets, [Math.floor(nowMs / bucketMs), tally.entries, wrongEntries]),
    latest: [...before.latest, ...latest].slice(-wrongMax),
  }
}

/**
 * Consistency in nines over the last hour and day: 3 means that one of a thousand entries looked at
 * was wrong. Undefined where nothing was looked at; at most what the number of entries can tell.
 */
export function ninesOf(
  { buckets }: Statistics,
  nowMs: number,
): { readonly hour: number | undefined; readonly day: number | undefined } {
  const newest = Math.floor(nowMs / bucketMs)
  const over = (count: number) => {
    const within = buckets.filter(([number]) => number > newest - count)
    const entries = within.reduce((sum, [, looked]) => sum + looked, 0)
    const wrong = within.reduce((sum, [, , found]) => sum + found, 0)
    if (entries === 0) return undefined
    return Math.round(-Math.log10(Math.max(wrong, 0.5) / entries) * 10) / 10
  }
  return { hour: over(bucketsOfHour), day: over(bucketsOfDay) }
}

/** A value as logs and answers may show it. */
export function shownValue(field: string, value: string | null): string | null {
  if (value === null || field === '*' || /^-?\d{1,19}$/.test(value)) return value
  return `sha256:${createHash('sha256').update(value).digest('hex').slice(0, 16)}`
}

/** A difference as logs and answers may show it. */
export function shownDifference(difference: Difference): Omit<WrongValue, 'atMs' | 'healed'> {
  const { key, field, item, expected, found } = difference
  const [must, is] = [expected, found].map((value) => shownValue(field, value))
  const hashed = item === undefined ? {} : { item: shownValue(field, item)! }
  return { key, field: nameOfField({ ...difference, ...hashed }), expected: must!, found: is! }
}

function filled(buckets: Statistics['buckets'], added: Statistics['buckets'][number]) {
  const [number, looked, wrong] = added
  const last = buckets.at(-1)
  const rest = last?.[0] === number ? buckets.slice(0, -1) : buckets
  const merged: [number, number, number] =
    last?.[0] === number ? [number, last[1] + looked, last[2] + wrong] : [number, looked, wrong]
  return [...rest, merged].filter(([each]) => each > number - bucketsOfDay)
}
