/** Columns of a view's table: their names, their types, and how values pass. */
import { createHash } from 'node:crypto'
import { spellSql, splitKey } from '../../entry-key.ts'
import type { NamedColumn, NamedPart, ViewLayout } from '../../mutation.ts'
import { typeOf } from '../../types/types.ts'
import { keyFormOf } from '../../types/windows.ts'
import { spell } from '../codec.ts'

export type Column = {
  readonly name: string
  /** As `format_type` says it. */
  readonly type: string
}

/** True while the owning row exists, false or null otherwise. */
export const presentColumn: Column = { name: 'present', type: 'boolean' }

/** Postgres cuts longer names off, and two that are alike so far would meet. */
const nameBytesMax = 63

/** `tweetCount` -> `tweet_count`, `tweetCount@1a2b3c` -> `tweet_count@1a2b3c`. */
export function columnName(name: string): string {
  const whole = spell(name, '_')
  if (Buffer.byteLength(whole) <= nameBytesMax) return whole
  return `${whole.slice(0, 46)}_${createHash('sha256').update(whole).digest('hex').slice(0, 16)}`
}

export function columnOf({ name, type }: NamedColumn): Column {
  return { name: columnName(name), type: typeOf(type).stored.type }
}

/** Columns of the layout's fields and counters, in its order. */
export function columnsOf({ fields, counts }: ViewLayout): readonly Column[] {
  return [
    ...fields.map(columnOf),
    ...counts.map((name) => ({ name: columnName(name), type: 'bigint' })),
  ]
}

/** As an SQL identifier. */
export function quote(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`
}

/** SQL for the column of the alias `e`, as the text that every store answers. */
export function asText({ name, type }: NamedColumn): string {
  return `(${typeOf(type).stored.sql(`e.${quote(columnName(name))}`)})`
}

/** SQL for the key as it is spelled, of the alias `e`. */
export function keyText(key: readonly NamedColumn[]): string {
  return spellSql(key.map(asText))
}

export function sqlValue({ type }: NamedColumn, value: string | null | undefined): string | null {
  return value === null || value === undefined ? null : typeOf(type).stored.value(value)
}

/** Whether an entry of the view can have this key at all; Postgres would refuse others. */
export function isPossibleKey(key: readonly NamedPart[], text: string): boolean {
  const parts = splitKey(text, key.length)
  return parts?.every((part, at) => keyFormOf(key[at]!).isCanonical(part)) ?? false
}

/** The parts of keys as one array for each column, with null for a key that is null. */
export function keyArrays(
  key: readonly NamedColumn[],
  entries: readonly (string | null)[],
): readonly (readonly (string | null)[])[] {
  const split = entries.map((entry) => (entry === null ? undefined : splitKey(entry, key.length)))
  return key.map((part, at) => split.map((parts) => sqlValue(part, parts?.[at])))
}
