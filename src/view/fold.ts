import type { Row, StreamedChange } from '../change.ts'
import { unreachable } from '../errors.ts'
import type { Fields, Mutation } from '../mutation.ts'
import { fitsScale, scaled } from '../types/numeric.ts'
import { isMet } from './condition.ts'
import { countedColumns, entryOf, type Count, type OwningRow, type View } from './view.ts'

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
  for (const count of view.counts) {
    if (count.table !== change.table) continue
    const odd = oddOf(count, change)
    if (odd !== undefined) return unsummable(view, change, odd)
    const lacking = foldCount(view, count, change, contributions)
    if (lacking) return unusable(view, change, lacking)
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

/** Answers the column whose earlier value is missing, if one is. */
function foldCount(
  view: View,
  count: Count,
  change: StreamedChange,
  out: Mutation[],
): string | undefined {
  switch (change.kind) {
    case 'insert':
      give(view, count, { before: undefined, after: change.after }, out)
      return undefined
    case 'update': {
      // A changed primary key arrives as a delete and an insert, so an update that keeps silent
      // about columns inside the key has left them as they were.
      if (!change.before) return lackingOf(change.key, countedColumns(count))
      give(view, count, { before: change.before, after: change.after }, out)
      return undefined
    }
    case 'delete': {
      const earlier: Row = change.before ?? change.key
      const lacking = lackingOf(earlier, countedColumns(count))
      if (lacking !== undefined) return lacking
      give(view, count, { before: earlier, after: undefined }, out)
      return undefined
    }
    default:
      return unreachable(change)
  }
}

type Versions = { readonly before: Row | undefined; readonly after: Row | undefined }

/** Retracts what the row gave before and adds what it gives now. */
function give(view: View, count: Count, { before, after }: Versions, out: Mutation[]): void {
  const from = before && entryOf(view, before, count.by)
  const to = after && entryOf(view, after, count.by)
  const lost = from === undefined ? 0n : amountOf(count, before!)
  const gained = to === undefined ? 0n : amountOf(count, after!)
  if (from === to) return add(out, to, { [count.stored]: gained - lost })
  add(out, from, { [count.stored]: -lost })
  add(out, to, { [count.stored]: gained })
}

function amountOf({ where, adds }: Count, row: Row): bigint {
  for (const condition of where) if (!isMet(condition, row)) return 0n
  if (adds.kind === 'row') return 1n
  const value = row[adds.column] ?? null
  if (value === null) return 0n
  if (adds.kind === 'value') return 1n
  return typeof value === 'bigint' ? value : scaled(value, adds.scale)
}

/** A value that is no number, or has more digits behind the point than are kept. */
function oddOf({ adds }: Count, change: StreamedChange): string | undefined {
  if (adds.kind !== 'sum' || adds.type !== 'numeric') return undefined
  const before = change.kind === 'insert' ? undefined : change.before
  const rows = [before, change.kind === 'delete' ? undefined : change.after]
  return rows
    .map((row) => row?.[adds.column])
    .find((value) => typeof value === 'string' && !fitsScale(value, adds.scale)) as
    string | undefined
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

function add(out: Mutation[], entry: string | undefined, amounts: Record<string, bigint>): void {
  if (entry === undefined) return
  for (const name in amounts) if (amounts[name] === 0n) return
  out.push({ entry, put: undefined, add: amounts })
}

function unusable(view: View, change: StreamedChange, column: string): Folded {
  return {
    kind: 'unusable',
    reason:
      `${change.kind} of ${change.table} came without the earlier value of ${column}, ` +
      `which view ${view.name} needs: the table's replica identity did not give it`,
  }
}

function unsummable(view: View, change: StreamedChange, value: string): Folded {
  return {
    kind: 'unusable',
    reason: `${change.kind} of ${change.table} has ${value}, which view ${view.name} can't add up`,
  }
}
