import { splitKey } from '../entry-key.ts'
import type { Entry } from '../mutation.ts'
import { nullable } from '../types/arrays.ts'
import { typeOf } from '../types/types.ts'
import type { JsonValue } from '../types/value-type.ts'
import type { View } from './view.ts'

/** What a reader gets of an entry: the key, then fields, then counts, as declared. */
export type EntryJson = Readonly<Record<string, JsonValue>>

/**
 * The entry as JSON. 64-bit columns are strings, for a JavaScript number can't hold them; counts
 * are numbers, for rows beyond 2^53 can't be counted. A count below zero is a fault that was
 * noticed elsewhere: readers see 0.
 */
export function toJson(view: View, entry: Entry): EntryJson {
  const json: Record<string, JsonValue> = {}
  const parts = splitKey(entry.key, view.key.length)
  for (const [at, { name, type }] of view.key.entries()) {
    const part = parts?.[at]
    json[name] = part === undefined ? null : typeOf(type).json.value(part)
  }
  for (const { name, stored, type } of view.row.fields) {
    const text = entry.fields[stored] ?? null
    json[name] = text === null ? null : typeOf(type).json.value(text)
  }
  for (const { name, stored } of view.counts) {
    const count = entry.counts[stored] ?? 0n
    json[name] = count < 0n ? 0 : Number(count)
  }
  return json
}

/** JSON schema of `toJson`'s answer, for the server's serializer and for OpenAPI. */
export function jsonSchemaOf(view: View) {
  const properties: Record<string, object> = {}
  for (const { name, type } of view.key) properties[name] = typeOf(type).json.schema
  for (const { name, type } of view.row.fields) {
    properties[name] = nullable(typeOf(type).json.schema)
  }
  for (const { name } of view.counts) properties[name] = { type: 'integer', minimum: 0 }
  return {
    type: 'object',
    required: Object.keys(properties),
    additionalProperties: false,
    properties,
  } as const
}
