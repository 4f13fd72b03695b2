import type { Row, StreamedChange } from '../change.ts'
import { unreachable } from '../errors.ts'
import type { Fields, Mutation } from '../mutation.ts'
import { giversOf, type Given, type Giver } from './givers.ts'
import type { Odd } from './item.ts'
import { entryOf, type OwningRow, type View } from './view.ts'

/** What one change gives to the entries of a view, or why that can't be told from it. */
export type Folded =
  | { readonly kind: 'contributions'; readonly contributions: readonly Mutation[] }
  /** The change lacks what the view needs; applying a guess would make the view wrong. */
  | { readonly kind: 'unusable'; readonly reason: string }

/**
 * Folds a change into contributions: pure, and total over every change of the view's tables.
 * An update retracts what the row gave before and adds what it gives now; a delete is a retract
 * alone. Where both are the same the change gives nothing. Contributions stand in their order and
 * more than one may name the same entry; `consolidator` merges them.
 */
export function fold(view: View, change: StreamedChange): Folded {
  const contributions: Mutation[] = []
  if (change.table === view.row?.table) {
    const lacking = foldOwner(view, view.row, change, contributions)
    if (lacking) return unusable(view, change, lacking)
  }
  for (const giver of giversOf(view).get(change.table) ?? []) {
    const failed = foldGroup(giver, change, contributions)
    if (failed === undefined) continue
    return typeof failed === 'string'
      ? unusable(view, change, failed)
      : unfit(view, change, failed.odd)
  }
  return { kind: 'contributions', contributions }
}

/** Answers the column whose earlier value is missing, if one is. */
function foldOwner(
  view: View,
  row: OwningRow,
  change: StreamedChange,
  out: Mutation[],
): string | undefined {
  switch (change.kind) {
    case 'insert':
      put(out, entryOf(view, change.after, row.key), fieldsOf(row, change.after))
      return undefined
    case 'update': {
      // A row captured without its earlier values may also have unchanged text left out.
      if (!change.before) return row.key[0]
      const before = entryOf(view, change.before, row.key)
      const after = entryOf(view, change.after, row.key)
      if (before !== after) put(out, before, null)
      put(out, after, fieldsOf(row, change.after))
      return undefined
    }
    case 'delete': {
      const earlier: Row = change.before ?? change.key
      const lacking = lackingOf(earlier, row.key)
      if (lacking !== undefined) return lacking
      put(out, entryOf(view, earlier, row.key), null)
      return undefined
    }
    default:
      return unreachable(change)
  }
}

/** Answers the column whose earlier value is missing, or the value that can't be kept. */
function foldGroup(
  giver: Giver,
  change: StreamedChange,
  out: Mutation[],
): string | Odd | undefined {
  switch (change.kind) {
    case 'insert':
      return give(out, giver, { before: undefined, after: change.after })
    case 'update': {
      // A changed primary key arrives as a delete and an insert, so an update that keeps silent
      // about columns inside the key has left them as they were.
      if (!change.before) return lackingOf(change.key, giver.columns)
      return give(out, giver, { before: change.before, after: change.after })
    }
    case 'delete': {
      const earlier: Row = change.before ?? change.key
      const lacking = lackingOf(earlier, giver.columns)
      if (lacking !== undefined) return lacking
      return give(out, giver, { before: earlier, after: undefined })
    }
    default:
      return unreachable(change)
  }
}

type Versions = { readonly before: Row | undefined; readonly after: Row | undefined }

/** Retracts what the row gave before and adds what it gives now. */
function give(out: Mutation[], giver: Giver, { before, after }: Versions): Odd | undefined {
  const lost = before && giver.given(before)
  const gained = after && giver.given(after)
  if (lost && 'odd' in lost) return lost
  if (gained && 'odd' in gained) return gained
  if (lost && gained && lost.entry === gained.entry && lost.item === gained.item) {
    add(out, giver, { ...gained, amount: gained.amount - lost.amount })
    return undefined
  }
  if (lost) add(out, giver, { ...lost, amount: -lost.amount })
  if (gained) add(out, giver, gained)
  return undefined
}

/** The first of the columns whose value the row does not tell. */
function lackingOf(row: Row, columns: readonly string[]): string | undefined {
  return columns.find((column) => row[column] === undefined)
}

function fieldsOf(row: OwningRow, after: Row): Fields {
  const fields: Record<string, string | null> = {}
  for (const { stored, column } of row.fields) {
    const value = after[column] ?? null
    fields[stored] = value === null ? null : String(value)
  }
  return fields
}

/** A row whose key is null belongs to no entry. */
function put(out: Mutation[], entry: string | undefined, fields: Fields | null): void {
  if (entry !== undefined) out.push({ entry, put: fields, add: {} })
}

function add(out: Mutation[], { stored }: Giver, { entry, item, amount }: Given): void {
  if (amount === 0n) return
  if (item === undefined) out.push({ entry, put: undefined, add: { [stored]: amount } })
  else {
    const cells = new Map([[stored, new Map([[item, amount]])]])
    out.push({ entry, put: undefined, add: {}, cells })
  }
}

function unusable(view: View, change: StreamedChange, column: string): Folded {
  return {
    kind: 'unusable',
    reason:
      `${change.kind} of ${change.table} came without the earlier value of ${column}, ` +
      `which view ${view.name} needs: the table's replica identity did not give it`,
  }
}

function unfit(view: View, change: StreamedChange, value: string): Folded {
  return {
    kind: 'unusable',
    reason: `${change.kind} of ${change.table} has ${value}, which view ${view.name} can't keep`,
  }
}
