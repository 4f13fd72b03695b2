/** What `explain` found out of one entry, for programs as it stands, and for people as lines. */
import type { ViewLayout } from '../mutation.ts'
import { decodeEntry, encodeEntry, type ToldTally } from '../store/entry-text.ts'

/** Cells that are shown of one tally of an entry. */
const cellsShown = 10

export type Explained = {
  readonly view: string
  readonly key: string
  /** What a key of the view looks like, where that is none: no row can have it. */
  readonly noKey?: string
  readonly store: string
  /** From where on the log was read: from its beginning, or from the oldest barrier that is kept. */
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

/** What the comparison says. */
export type Verdict = {
  readonly snapshot: string
  /** What SQL had there. */
  readonly sql: string | null
  readonly verdict: 'right' | 'wrong' | 'unreadable' | 'too old'
  readonly differences: readonly Difference[]
  /** Tables of which something could not be told. */
  readonly unproved: readonly string[]
}

export function linesOf(explained: Explained): readonly string[] {
  const { view, key, noKey, store, since, touches, doubts, findings } = explained
  const begin =
    since === 'beginning'
      ? 'the beginning of the topics'
      : 'the oldest barrier that is kept (--all: more)'
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

function verdictLines({ snapshot, sql, unproved, verdict, differences }: Verdict) {
  const compared = [
    `compared at snapshot ${snapshot}: SQL had ${sql ?? 'nothing'}`,
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
  ]
}

/** The text of an entry with no more cells of its tallies than anybody reads. */
export function shortened(layout: ViewLayout, key: string, entryText: string): string {
  const { tallies, ...entry } = decodeEntry(layout, entryText)!
  if (!tallies) return entryText
  let left = 0
  const short = [...tallies].map(([name, told]): [string, ToldTally] => {
    if (told === 'large') return [name, told]
    left += Math.max(0, told.size - cellsShown)
    return [name, new Map([...told].slice(0, cellsShown))]
  })
  const shown = encodeEntry(layout, key, { ...entry, tallies: new Map(short) })
  return left === 0 ? shown : `${shown} and ${left} more items`
}
