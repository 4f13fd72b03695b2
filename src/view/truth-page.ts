/** Puts the answers to a `TruthQuery` together, to entries in the form of `entry-text.ts`. */
import { countGroups } from './count-groups.ts'
import { compareKeys } from './truth-keys.ts'
import { groupsMax, type PageLimits, type TruthQuery } from './truth-query.ts'
import type { View } from './view.ts'

export type TruthPage = {
  /** Text by key, in ascending order of the keys. */
  readonly entries: ReadonlyMap<string, string>
  /** Rows that were read for it. */
  readonly rows: number
  /** The key that the page ends with; undefined when no more follow. */
  readonly last: string | undefined
}

/** A statement's rows, each an array of columns. */
export type Answer = readonly (readonly unknown[])[]

/** `answers` are those to `query.statements`, in their order. */
export function readTruth(view: View, query: TruthQuery, answers: readonly Answer[]): TruthPage {
  const owning = (view.row ? answers[0] : []) as readonly [key: string, text: string][]
  const counted = view.row ? answers.slice(1) : answers
  const groups = countGroups(view).map(({ counts }, at) => ({
    ...groupsOf(view, counted[at]![0] as GroupsRow, query.limits),
    places: counts.map((count) => view.counts.indexOf(count)),
  }))
  const ends = groups.flatMap(({ end }) => end ?? [])
  if (owning.length === query.limits?.keysMax) ends.push(owning.at(-1)![0])
  const last = ends.toSorted((a, b) => compareKeys(view.key, a, b))[0]
  const rows = groups.reduce((sum, group) => sum + group.rows, owning.length)
  return { entries: merge(view, { owning, groups, last }), rows, last }
}

type GroupsRow = readonly [
  keys: string | readonly string[] | null,
  rows: number | null,
  whole: readonly [rows: string, ...amounts: string[]] | null,
  ...amounts: (string | null)[],
]

/** What one table counts: keys with their numbers. */
type Groups = {
  readonly keys: readonly string[]
  /** Of each count, the number of each key. */
  readonly amounts: readonly (readonly string[])[]
  readonly rows: number
  /** The last key that was counted to its end, where a limit ended the answer. */
  readonly end: string | undefined
}

function groupsOf(
  view: View,
  [keyList, sum, whole, ...lists]: GroupsRow,
  limits?: PageLimits,
): Groups {
  if (keyList === null) return { keys: [], amounts: [], rows: 0, end: undefined }
  const keys = typeof keyList === 'string' ? keyList.split(',') : keyList
  const rows = sum ?? 0
  if (whole !== null) {
    const [all, ...numbers] = whole
    return { keys, amounts: numbers.map((number) => [number]), rows: Number(all), end: keys[0] }
  }
  const amounts = lists.map((list) => (list ?? '').split(','))
  if (!limits) return { keys, amounts, rows, end: undefined }
  // The row limit fell into the last key.
  if (rows >= limits.rowsMax) return { keys, amounts, rows, end: keys.at(-2) }
  return {
    keys,
    amounts,
    rows,
    end: keys.length < groupsMax(view, limits) ? undefined : keys.at(-1),
  }
}

type Parts = {
  readonly owning: readonly (readonly [key: string, text: string])[]
  readonly groups: readonly (Groups & { readonly places: readonly number[] })[]
  readonly last: string | undefined
}

/** All come in ascending order, so one walk over them meets each key once. */
function merge(view: View, { owning, groups, last }: Parts): ReadonlyMap<string, string> {
  const entries = new Map<string, string>()
  const at = groups.map(() => 0)
  // Joined, a text is one piece in memory; put together by `+` it would be a tree of pieces.
  const parts = Array.from({ length: view.counts.length + 1 }, () => '-')
  let owner = 0
  for (;;) {
    let key = owning[owner]?.[0]
    for (const [i, { keys }] of groups.entries()) {
      const counted = keys[at[i]!]
      if (counted === undefined || counted === key) continue
      if (key === undefined || compareKeys(view.key, counted, key) < 0) key = counted
    }
    if (key === undefined) return entries
    if (entries.has(key)) throw new Error(`the source answered key ${key} out of order`)
    parts[0] = key === owning[owner]?.[0] ? owning[owner++]![1] : '-'
    for (const [i, { keys, amounts, places }] of groups.entries()) {
      const row = keys[at[i]!] === key ? at[i]!++ : undefined
      for (const [count, place] of places.entries()) {
        parts[place + 1] = row === undefined ? '0' : amounts[count]![row]!
      }
    }
    // A view without counts has texts that end in a semicolon all the same.
    entries.set(key, groups.length === 0 ? `${parts[0]};` : parts.join(';'))
    if (key === last) return entries
  }
}
