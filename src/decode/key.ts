import { avroNameOf } from '../avro-name.ts'
import type { Row, Value } from '../change.ts'
import { typeOf, type ColumnType } from '../types/types.ts'
import type { Reader } from '../types/value-type.ts'
import { asRecord, columnIn } from './raw-schema.ts'
import type { WriterSchema } from './registry.ts'

/** Reads the keys that one schema wrote. */
export type KeyReader = {
  /** Every column of the key in the schema's order. Throws where the bytes don't fit. */
  read(payload: Buffer): Row
  /** The key's columns as Avro spells them. */
  readonly avroNames: readonly string[]
}

/**
 * Undefined when the schema is no record. A column that the view needs gets the name that the view
 * has for it, and its values in the view's terms; any other has those of Avro.
 */
export function keyReader(
  { type, schema }: WriterSchema,
  columns: Readonly<Record<string, ColumnType>>,
): KeyReader | undefined {
  const record = asRecord(schema)
  if (!record || record.fields.length === 0) return undefined
  const parts = record.fields.map((field) => {
    const known = Object.keys(columns).find((column) => avroNameOf(column) === field.name)
    const read = known === undefined ? undefined : typeOf(columns[known]!).reader(columnIn(field))
    return { avroName: field.name, name: known ?? field.name, read }
  })
  return {
    avroNames: parts.map(({ avroName }) => avroName),
    read(payload) {
      const values = type.fromBuffer(payload) as Record<string, unknown>
      const row: Record<string, Value> = {}
      for (const { avroName, name, read } of parts) row[name] = keyValue(values[avroName], read)
      return row
    },
  }
}

/** Where the type is none of the view's, it only has to tell rows apart. */
function keyValue(value: unknown, read: Reader | undefined): Value {
  const known = value === null ? undefined : read?.(value)
  if (known !== undefined) return known
  if (typeof value === 'bigint' || typeof value === 'string') return value
  if (Number.isInteger(value)) return BigInt(value as number)
  if (value === null) return null
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'bigint' ? String(part) : part,
  )
}
