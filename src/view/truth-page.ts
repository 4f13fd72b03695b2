/** Puts the answers to a `TruthQuery` together, to entries in the form of `entry-text.ts`. */
import { MillraceError } from '../errors.ts'
import { tallyText } from '../tally-text.ts'
import { itemOf } from './item.ts'
import { countGroups, tallyGroups, type TallyGroup } from './row-groups.ts'
import { compareKeys } from './truth-keys.ts'
import { groupsMax, type PageLimits, type TruthQuery } from './truth-query.ts'
import type { ItemForm, View } from './view.ts'

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
  const [first, limits] = [view.row ? 1 : 0, query.limits]
  const counted = countGroups(view)
  const groups = [
    ...counted.map(({ counts }, at) => ({
      ...groupsOf(view, answers[first + at]![0] as GroupsRow, limits),
      places: counts.map((count) => view.counts.indexOf(count) + 1),
    })),
    ...tallyGroups(view).map((group, at) => ({
      ...talliesOf(
        view,
        group,
        answers[first + counted.length + at] as readonly TallyRow[],
        limits,
      ),
      places: group.tallies.map((tally) => view.counts.length + view.tallies.indexOf(tally) + 1),
    })),
  ]
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

/** What the rows of one group give: keys with what a text has of them. */
type Groups = {
  readonly keys: readonly string[]
  /** Of the count or tally in this place of the group, by the place of the key. */
  readonly text: (place: number, key: number) => string
  readonly rows: number
  /** The last key that was counted to its end, where a limit ended the answer. */
  readonly end: string | undefined
}

function groupsOf(
  view: View,
  [keyList, sum, whole, ...lists]: GroupsRow,
  limits: PageLimits | undefined,
): Groups {
  if (keyList === null) return { keys: [], text: () => '', rows: 0, end: undefined }
  const keys = typeof keyList === 'string' ? keyList.split(',') : keyList
  const rows = sum ?? 0
  if (whole !== null) {
    const [all, ...numbers] = whole
    return { keys, text: (place) => numbers[place]!, rows: Number(all), end: keys[0] }
  }
  const amounts = lists.map((list) => (list ?? '').split(','))
  const text = (place: number, key: number) => amounts[place]![key]!
  return { keys, text, rows, end: limits && endOf(view, { keys, rows }, limits) }
}

/** The last key that was counted to its end, where a limit ended the answer. */
function endOf(
  view: View,
  { keys, rows }: Pick<Groups, 'keys' | 'rows'>,
  limits: PageLimits,
): string | undefined {
  // The row limit fell into the last key.
  if (rows >= limits.rowsMax) return keys.at(-2)
  return keys.length < groupsMax(view, limits) ? undefined : keys.at(-1)
}

/** A tally's text, or what items are spelled of; null where the key has more of them than are told. */
type Items = string | readonly (readonly [rows: number, ...texts: (string | null)[]])[] | null

type TallyRow = readonly [
  key: string,
  rows: number,
  items: Items,
  whole: readonly [rows: number, items: Items] | null,
]

function talliesOf(
  view: View,
  { table, item }: TallyGroup,
  answer: readonly TallyRow[],
  limits: PageLimits | undefined,
): Groups {
  const whole = answer[0]?.[3]
  const keys = answer.map(([key]) => key)
  const text = (_: number, key: number) =>
    itemsText(table, item, whole ? whole[1] : answer[key]![2])
  if (whole) return { keys, text, rows: whole[0], end: keys[0] }
  const rows = answer.reduce((sum, [, each]) => sum + each, 0)
  return { keys, text, rows, end: limits && endOf(view, { keys, rows }, limits) }
}

function itemsText(table: string, form: ItemForm, items: Items): string {
  if (items === null) return tallyText('large')
  if (typeof items === 'string') return items
  const told = new Map<string, bigint>()
  for (const [rows, ...texts] of items) {
    const item = itemIn(table, form, texts)
    told.set(item, (told.get(item) ?? 0n) + BigInt(rows))
  }
  return tallyText(told)
}

/** The item of a row of the source, which has to have one. */
export function itemIn(table: string, form: ItemForm, texts: readonly (string | null)[]): string {
  const item = itemOf(form, texts)
  if (typeof item === 'string') return item
  const what = item ? item.odd : 'null'
  throw new MillraceError('source-unfit', `a row of ${table} has ${what}, which no item can have`, {
    hint: 'Correct the row, or alter the column so that it has no such values: plan says how.',
  })
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
  const numbers = view.counts.length + 1
  // Joined, a text is one piece in memory; put together by `+` it would be a tree of pieces.
  const parts = Array.from({ length: numbers + view.tallies.length }, () => '-')
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
    for (const [i, { keys, text, places }] of groups.entries()) {
      const row = keys[at[i]!] === key ? at[i]!++ : undefined
      for (const [index, place] of places.entries()) {
        const nothing = place < numbers ? '0' : ''
        parts[place] = row === undefined ? nothing : text(index, row)
      }
    }
    entries.set(key, textOf(parts, numbers))
    if (key === last) return entries
  }
}

/** Of the row and the counts, so many, and of the tallies. */
function textOf(parts: readonly string[], numbers: number): string {
  // A view without counts has texts that end in a semicolon all the same.
  const counted = numbers === 1 ? `${parts[0]};` : parts.slice(0, numbers).join(';')
  return [counted, ...parts.slice(numbers)].join('|')
}
