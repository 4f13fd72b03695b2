/** What `explain` found out of one entry, for programs as it stands, and for people as lines. */
import type { ViewLayout } from '../mutation.ts'
import { decodeTold, type ToldTally } from '../store/entry-text.ts'

/** Items that are shown of one tally of an entry. */
const itemsShown = 10

export type Explained = {
  readonly view: string
  readonly key: string
  /** What a key of the view looks like, where that is none: no row can have it. */
  readonly noKey?: string
  readonly store: string
  /** From where on the log was read: from its beginning, or from a barrier that is an hour or two old, the oldest one where none is. */
  readonly since: 'beginning' | 'barrier'
  readonly touches: readonly Touch[]
  /** Reasons of those that stand. */
  readonly doubts: readonly string[]
  readonly findings: readonly Finding[]
} & Verdict

/** A change that gave something to the entry. */
export type Touch = {
  readonly at: string
  readonly partition: string
  readonly offset: string
  readonly lsn: string
  readonly transaction: string
  readonly operation: string
  readonly table: string
  readonly gave: readonly {
    readonly row: 'put' | 'removed' | null
    readonly amounts: Readonly<Record<string, string>>
  }[]
  /** Why it was not applied. */
  readonly leftOut: string | null
}

type Difference = {
  readonly field: string
  readonly expected: string | null
  readonly found: string | null
}

/** What an earlier look found wrong with it. */
export type Finding = Difference & { readonly at: string; readonly healed: boolean }

/** Fields, counts and items by their names in the layout. Without the owning row every field is null. */
export type ShownEntry = Readonly<Record<string, string | null | Readonly<Record<string, string>>>>

/** What the comparison says. */
export type Verdict = {
  readonly snapshot: string
  /** What SQL had there; null for nothing. */
  readonly sql: ShownEntry | null
  readonly verdict: 'right' | 'wrong' | 'unreadable' | 'too old'
  readonly differences: readonly Difference[]
  /** Numbers of the source that no counter can be. */
  readonly beyond: readonly Difference[]
  /** Tables of which something could not be told. */
  readonly unproved: readonly string[]
}

export function linesOf(explained: Explained): readonly string[] {
  const { view, key, noKey, store, since, touches, doubts, findings } = explained
  const begin =
    since === 'beginning'
      ? 'the beginning of the topics'
      : 'an hour or two ago, as far as barriers reach back (--all: more)'
  return [
    `${view} ${key} in ${store}`,
    ...(noKey === undefined ? [] : [`that is no key of the view: ${noKey}`]),
    ...touches.map(touchLine),
    `${touches.length} changes since ${begin}`,
    ...doubts.map((reason) => `in doubt: ${reason}`),
    ...findings.map(
      ({ at, field, expected, found, healed }) =>
        `${at} a look found ${field} ${found}, not ${expected}: ${healed ? '' : 'not '}corrected`,
    ),
    ...verdictLines(explained),
  ]
}

function touchLine(touch: Touch): string {
  const { at, partition, offset, lsn, transaction, operation, table, gave, leftOut } = touch
  const where = `${at} ${partition} offset ${offset} LSN ${lsn} transaction ${transaction} ${operation} of ${table}`
  if (gave.length === 0) return `${where}: left out, ${leftOut}`
  return `${where}: ${gave.map(gaveText).join(', ')}${leftOut === null ? '' : ` (left out: ${leftOut})`}`
}

function gaveText({ row, amounts }: Touch['gave'][number]): string {
  if (row !== null) return row === 'put' ? 'puts the row' : 'removes the row'
  return Object.entries(amounts)
    .map(([name, by]) => `${name} ${by.startsWith('-') ? '' : '+'}${by}`)
    .join(' ')
}

function verdictLines({ snapshot, sql, unproved, verdict, differences, beyond }: Verdict) {
  const compared = [
    `compared at snapshot ${snapshot}: SQL had ${sql ? JSON.stringify(sql) : 'nothing'}`,
    ...unproved.map((table) => `not told: what comes of ${table}`),
  ]
  if (verdict === 'right') return [...compared, 'right: the entry is what SQL says']
  if (verdict === 'too old') {
    return [...compared, 'not compared: it is older than the view keeps its entries']
  }
  if (verdict === 'unreadable') return [...compared, 'wrong: what lies there is no entry']
  return [
    ...compared,
    ...differences.map(
      ({ field, expected, found }) =>
        `wrong: ${field} is ${found ?? 'nothing'}, SQL says ${expected ?? 'nothing'}`,
    ),
    ...beyond.map(
      ({ field, expected, found }) =>
        `can't be held: ${field} is ${found ?? 'nothing'}, SQL says ${expected}, which no integer of 64 bits is`,
    ),
  ]
}

/** An entry of which the source told this text, with no more items than anybody reads. */
export function shownEntry(layout: ViewLayout, entryText: string): ShownEntry {
  const { fields, counts, tallies = [] } = decodeTold(layout, entryText)!
  return {
    ...Object.fromEntries(layout.fields.map(({ name }) => [name, fields?.[name] ?? null])),
    ...Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, String(count)])),
    ...Object.fromEntries([...tallies].map(([name, told]) => [name, shownItems(told)])),
  }
}

function shownItems(told: ToldTally): string | Readonly<Record<string, string>> {
  if (told === 'large') return 'more items than are told at once'
  const items = [...told].slice(0, itemsShown).map(([item, amount]) => [item, String(amount)])
  const left = told.size - itemsShown
  return Object.fromEntries(left > 0 ? [...items, ['…', `${left} more`]] : items)
}
