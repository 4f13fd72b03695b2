import type { ColumnType } from '../change.ts'
import { unreachable } from '../errors.ts'
import type { View } from './view.ts'
import type { Entry } from '../mutation.ts'

/** What a reader gets of an entry: the key, then fields, then counts, as declared. */
export type EntryJson = Readonly<Record<string, string | number | null>>

/**
 * The entry as JSON. 64-bit columns are strings, for a JavaScript number can't hold them; counts
 * are numbers, for rows beyond 2^53 can't be counted. A count below zero is a fault that was
 * noticed elsewhere: readers see 0.
 */
export function toJson(view: View, entry: Entry): EntryJson {
  const json: Record<string, string | number | null> = { [view.key.name]: entry.key }
  for (const { name, stored } of view.row.fields) json[name] = entry.fields[stored] ?? null
  for (const { name, stored } of view.counts) {
    const count = entry.counts[stored] ?? 0n
    json[name] = count < 0n ? 0 : Number(count)
  }
  return json
}

/** JSON schema of `toJson`'s answer, for the server's serializer and for OpenAPI. */
export function jsonSchemaOf(view: View) {
  const properties: Record<string, object> = { [view.key.name]: schemaOf(view.key.type) }
  for (const { name, type } of view.row.fields) {
    properties[name] = { ...schemaOf(type), type: ['string', 'null'] }
  }
  for (const { name } of view.counts) properties[name] = { type: 'integer', minimum: 0 }
  return {
    type: 'object',
    required: Object.keys(properties),
    additionalProperties: false,
    properties,
  } as const
}

function schemaOf(type: ColumnType): object {
  switch (type) {
    case 'bigint':
      return { type: 'string', pattern: '^-?[0-9]{1,19}$' }
    case 'timestamptz':
      return { type: 'string', description: 'ISO 8601 in UTC with six digits' }
    case 'text':
      return { type: 'string' }
    default:
      return unreachable(type)
  }
}
