/** Columns of a view's table: their names, their types, and how values pass. */
import { createHash } from 'node:crypto'
import type { ColumnType } from '../../change.ts'
import { unreachable } from '../../errors.ts'
import type { NamedColumn, ViewLayout } from '../../mutation.ts'
import { postgresTimestamptz, sqlTimestamptz } from '../../timestamptz.ts'
import { fitsInt64 } from '../checks.ts'
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

export function keyColumn({ name, type }: NamedColumn): Column {
  return { name: columnName(name), type: typeName(type) }
}

/** Columns of the layout's fields and counters, in its order. */
export function columnsOf({ fields, counts }: ViewLayout): readonly Column[] {
  return [
    ...fields.map(({ name, type }) => ({ name: columnName(name), type: typeName(type) })),
    ...counts.map((name) => ({ name: columnName(name), type: 'bigint' })),
  ]
}

/** As an SQL identifier. */
export function quote(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`
}

/** SQL for the column of the alias `e`, as the text that every store answers. */
export function asText({ name, type }: NamedColumn): string {
  const column = `e.${quote(columnName(name))}`
  switch (type) {
    case 'text':
      return column
    case 'bigint':
      return `${column}::text`
    case 'timestamptz':
      return `(${sqlTimestamptz(column)})`
    default:
      return unreachable(type)
  }
}

export function sqlValue({ type }: NamedColumn, value: string | null | undefined): string | null {
  if (value === null || value === undefined) return null
  return type === 'timestamptz' ? postgresTimestamptz(value) : value
}

/** Whether an entry of the view can have this key at all; Postgres would refuse others. */
export function isPossibleKey({ type }: NamedColumn, key: string): boolean {
  if (type !== 'bigint') return !key.includes('\0')
  return /^(?:0|-?[1-9]\d{0,18})$/.test(key) && fitsInt64(BigInt(key))
}

function typeName(type: ColumnType): string {
  return type === 'timestamptz' ? 'timestamp with time zone' : type
}
