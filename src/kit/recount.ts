/** What a view has to be, counted over its rows one by one, without any fold. */
import type { Row } from '../change.ts'
import { spellKey } from '../entry-key.ts'
import { encodeEntry } from '../store/entry-text.ts'
import { windowFormOf } from '../types/windows.ts'
import type { View } from '../view/view.ts'

/** Entries by key, as `entry-text.ts` writes them: also where there are counts alone. */
export function recounted(
  view: View,
  rowsOf: (table: string) => readonly Row[],
): ReadonlyMap<string, string> {
  const entries = new Map<string, Counted>()
  const entry = (parts: readonly string[]): Counted => {
    const place = JSON.stringify(parts)
    const found = entries.get(place) ?? { parts, fields: null, counts: {} }
    entries.set(place, found)
    return found
  }
  const owner = view.row
  for (const row of owner ? rowsOf(owner.table) : []) {
    const parts = textsOf(view, row, owner!.key)
    if (!parts) continue
    entry(parts).fields = Object.fromEntries(
      owner!.fields.map(({ stored, column }) => [stored, textOf(row[column])]),
    )
  }
  for (const { stored, table, by } of view.counts) {
    for (const row of rowsOf(table)) {
      const parts = textsOf(view, row, by)
      if (!parts) continue
      const { counts } = entry(parts)
      counts[stored] = (counts[stored] ?? 0n) + 1n
    }
  }
  return new Map(
    [...entries.values()].map(({ parts, fields, counts }) => {
      const key = spellKey(parts)!
      const all = Object.fromEntries(
        view.counts.map(({ stored }) => [stored, counts[stored] ?? 0n]),
      )
      return [key, encodeEntry(view.layout, key, { fields, counts: all })]
    }),
  )
}

type Counted = {
  readonly parts: readonly string[]
  fields: Readonly<Record<string, string | null>> | null
  readonly counts: Record<string, bigint>
}

/** Undefined where one of them is null, or in no window: SQL counts no such row, and it has no entry. */
function textsOf(
  { key }: View,
  row: Row,
  columns: readonly string[],
): readonly string[] | undefined {
  const texts: string[] = []
  for (const [at, column] of columns.entries()) {
    const { type, window } = key[at]!
    const value = textOf(row[column])
    const text = window && value !== null ? windowFormOf(type, window).startOf(value) : value
    if (text === null || text === undefined) return undefined
    texts.push(text)
  }
  return texts
}

function textOf(value: Row[string] | undefined): string | null {
  return value === null || value === undefined ? null : String(value)
}
