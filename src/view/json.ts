import { splitKey } from '../entry-key.ts'
import type { Entry } from '../mutation.ts'
import { nullable } from '../types/arrays.ts'
import { typeOf } from '../types/types.ts'
import type { JsonValue } from '../types/value-type.ts'
import { aggregateForms } from './aggregates/index.ts'
import { fieldsOf, type View } from './view.ts'

/** What a reader gets of an entry: the key, then fields, then counts, as declared. */
export type EntryJson = Readonly<Record<string, JsonValue>>

/**
 * The entry as JSON. 64-bit columns are strings, for a JavaScript number can't hold them; counts
 * are numbers, for rows beyond 2^53 can't be counted.
 */
export function toJson(view: View, entry: Entry): EntryJson {
  const json: Record<string, JsonValue> = {}
  const parts = splitKey(entry.key, view.key.length)
  for (const [at, { name, type }] of view.key.entries()) {
    const part = parts?.[at]
    json[name] = part === undefined ? null : typeOf(type).json.value(part)
  }
  for (const { name, stored, type } of fieldsOf(view)) {
    const text = entry.fields[stored] ?? null
    json[name] = text === null ? null : typeOf(type).json.value(text)
  }
  for (const aggregate of view.aggregates) {
    const numbers = aggregate.counts.map((count) => entry.counts[storedOf(view, count)] ?? 0n)
    json[aggregate.name] = aggregateForms[aggregate.kind].json(aggregate, numbers)
  }
  return json
}

function storedOf({ counts }: View, name: string): string {
  return counts.find((count) => count.name === name)!.stored
}

/** JSON schema of `toJson`'s answer, for the server's serializer and for OpenAPI. */
export function jsonSchemaOf(view: View) {
  const properties: Record<string, object> = {}
  for (const { name, type } of view.key) properties[name] = typeOf(type).json.schema
  for (const { name, type } of fieldsOf(view)) {
    properties[name] = nullable(typeOf(type).json.schema)
  }
  for (const aggregate of view.aggregates) {
    properties[aggregate.name] = aggregateForms[aggregate.kind].schema(aggregate)
  }
  return {
    type: 'object',
    required: Object.keys(properties),
    additionalProperties: false,
    properties,
  } as const
}
