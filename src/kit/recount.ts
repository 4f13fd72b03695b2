/** What a view has to be, counted over its rows one by one, without any fold. */
import type { Row } from '../change.ts'
import { spellKey } from '../entry-key.ts'
import { encodeEntry } from '../store/entry-text.ts'
import { scaled } from '../types/numeric.ts'
import { isMet } from '../view/condition.ts'
import { itemOf } from '../view/item.ts'
import { itemColumns, rowGroupsOf, type Adds, type Tally, type View } from '../view/view.ts'

/** Entries by key, as `entry-text.ts` writes them: also where there are counts alone. */
export function recounted(
  view: View,
  rowsOf: (table: string) => readonly Row[],
): ReadonlyMap<string, string> {
  const entries = new Map<string, Counted>()
  const entry = (parts: readonly string[]): Counted => {
    const place = JSON.stringify(parts)
    const found = entries.get(place) ?? { parts, fields: null, counts: {}, tallies: new Map() }
    entries.set(place, found)
    return found
  }
  for (const row of rowsOf(view.row.table)) {
    const parts = textsOf(row, view.row.key)
    if (!parts) continue
    entry(parts).fields = Object.fromEntries(
      view.row.fields.map(({ stored, column }) => [stored, textOf(row[column])]),
    )
  }
  for (const group of rowGroupsOf(view)) {
    for (const row of rowsOf(group.table)) {
      const parts = textsOf(row, group.by)
      if (!parts || !group.where.every((condition) => isMet(condition, row))) continue
      const { counts, tallies } = entry(parts)
      if ('adds' in group) {
        counts[group.stored] = (counts[group.stored] ?? 0n) + addedBy(group.adds, row)
        continue
      }
      const item = itemIn(group, row)
      if (item === undefined) continue
      const cells = tallies.get(group.stored) ?? new Map<string, bigint>()
      tallies.set(group.stored, cells.set(item, (cells.get(item) ?? 0n) + 1n))
    }
  }
  return new Map(
    [...entries.values()].map(({ parts, fields, counts, tallies }) => {
      const key = spellKey(parts)!
      const all = Object.fromEntries(
        view.counts.map(({ stored }) => [stored, counts[stored] ?? 0n]),
      )
      return [key, encodeEntry(view.layout, key, { fields, counts: all, tallies })]
    }),
  )
}

type Counted = {
  readonly parts: readonly string[]
  fields: Readonly<Record<string, string | null>> | null
  readonly counts: Record<string, bigint>
  readonly tallies: Map<string, Map<string, bigint>>
}

function addedBy(adds: Adds, row: Row): bigint {
  if (adds.kind === 'row') return 1n
  const text = textOf(row[adds.column])
  if (text === null) return 0n
  return adds.kind === 'value' ? 1n : scaled(text, adds.scale)
}

/** Undefined where the row gives to none. */
function itemIn({ item: form }: Tally, row: Row): string | undefined {
  const item = itemOf(
    form,
    itemColumns(form).map(({ column }) => textOf(row[column])),
  )
  if (item !== undefined && typeof item !== 'string') throw new Error(`no item has ${item.odd}`)
  return item
}

/** Undefined where one of them is null: SQL counts no such row, and it has no entry. */
function textsOf(row: Row, columns: readonly string[]): readonly string[] | undefined {
  const texts: string[] = []
  for (const column of columns) {
    const text = textOf(row[column])
    if (text === null) return undefined
    texts.push(text)
  }
  return texts
}

function textOf(value: Row[string] | undefined): string | null {
  return value === null || value === undefined ? null : String(value)
}
