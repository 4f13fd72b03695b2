import type { Row, Value } from '../change.ts'
import { avroNameOf } from './projection.ts'
import { asRecord } from './raw-schema.ts'
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
 * has for it, any other the one that Avro has.
 */
export function keyReader(
  { type, schema }: WriterSchema,
  columns: readonly string[],
): KeyReader | undefined {
  const record = asRecord(schema)
  if (!record || record.fields.length === 0) return undefined
  const avroNames = record.fields.map(({ name }) => name)
  const names = avroNames.map(
    (name) => columns.find((column) => avroNameOf(column) === name) ?? name,
  )
  return {
    avroNames,
    read(payload) {
      const values = type.fromBuffer(payload) as Record<string, unknown>
      const row: Record<string, Value> = {}
      for (let at = 0; at < names.length; at += 1)
        row[names[at]!] = keyValue(values[avroNames[at]!])
      return row
    },
  }
}

/** Whatever the column's type: it only has to tell rows apart. */
function keyValue(value: unknown): Value {
  if (typeof value === 'bigint' || typeof value === 'string') return value
  if (Number.isInteger(value)) return BigInt(value as number)
  if (value === null) return null
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'bigint' ? String(part) : part,
  )
}
