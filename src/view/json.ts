import { splitKey } from '../entry-key.ts'
import type { Entry } from '../mutation.ts'
import { nullable } from '../types/arrays.ts'
import { typeOf } from '../types/types.ts'
import type { JsonValue } from '../types/value-type.ts'
import type { AggregateForm, Shown } from './aggregates/aggregate.ts'
import aggregateForms from './aggregates/index.ts'
import { lookedObject, lookedSchemas, type Looked } from './lookup.ts'
import { fieldsOf, type Aggregate, type View } from './view.ts'

/** What a reader gets of an entry: the key, then fields, then aggregates, as declared. */
export type EntryJson = Readonly<Record<string, JsonValue>>

/**
 * The entry as JSON. 64-bit columns are strings, for a JavaScript number can't hold them; counts
 * are numbers, for rows beyond 2^53 can't be counted. `looked` is what was read with it of the views
 * that are looked up.
 */
export function toJson(view: View, entry: Entry, looked?: Looked): EntryJson {
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
  for (const { form, shown, counts } of readingsOf(view)) {
    const numbers = counts.map((count) => entry.counts[count] ?? 0n)
    const items = entry.slices?.[shown.aggregate.name] ?? []
    json[shown.aggregate.name] = form.json(shown, { numbers, items, looked })
  }
  for (const { lookup, stored } of fieldLookupsOf(view)) {
    json[lookup.name] = lookedObject(lookup, entry.fields[stored] ?? null, looked)
  }
  return json
}

/** What an aggregate is read from, by the names that stores have. */
type Reading = {
  readonly form: AggregateForm
  readonly shown: Shown
  readonly counts: readonly string[]
}

const known = new WeakMap<View, readonly Reading[]>()

function readingsOf(view: View): readonly Reading[] {
  const found = known.get(view)
  if (found) return found
  const readings = view.aggregates.map((aggregate) => readingOf(view, aggregate))
  known.set(view, readings)
  return readings
}

function readingOf({ counts, tallies, lookups }: View, aggregate: Aggregate): Reading {
  const form = aggregateForms[aggregate.kind]
  if (!form) throw new Error(`there is no aggregate ${aggregate.kind}`)
  return {
    form,
    shown: {
      aggregate,
      item: tallies.find(({ name }) => name === aggregate.tally)?.item,
      lookup: lookups?.find(({ by }) => by.kind === 'items' && by.aggregate === aggregate.name),
    },
    counts: aggregate.counts.map((name) => counts.find((count) => count.name === name)!.stored),
  }
}

/** Lookups by a field, with its stored name. */
function fieldLookupsOf(view: View) {
  const { lookups = [] } = view
  return lookups.flatMap((lookup) => {
    const { by } = lookup
    if (by.kind !== 'field') return []
    return [{ lookup, stored: fieldsOf(view).find(({ name }) => name === by.field)!.stored }]
  })
}

function nullableObject(properties: Readonly<Record<string, object>>): object {
  const required = Object.keys(properties)
  return { type: ['object', 'null'], required, additionalProperties: false, properties }
}

/** JSON schema of `toJson`'s answer, for the server's serializer and for OpenAPI. */
export function jsonSchemaOf(view: View) {
  const properties: Record<string, object> = {}
  for (const { name, type } of view.key) properties[name] = typeOf(type).json.schema
  for (const { name, type } of fieldsOf(view)) {
    properties[name] = nullable(typeOf(type).json.schema)
  }
  for (const { form, shown } of readingsOf(view)) {
    properties[shown.aggregate.name] = form.schema(shown)
  }
  for (const { lookup } of fieldLookupsOf(view)) {
    properties[lookup.name] = nullableObject(lookedSchemas(lookup))
  }
  return {
    type: 'object',
    required: Object.keys(properties),
    additionalProperties: false,
    properties,
  } as const
}
