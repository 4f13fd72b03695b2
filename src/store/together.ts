/** What stores have in common that read several views in one step. */
import { checkKeys } from './checks.ts'
import { limits } from './limits.ts'
import type { KeyPlace, ReadPart, ReadResult, ViewReader } from './reader.ts'

export function checkParts(parts: readonly ReadPart[]): void {
  checkKeys(
    parts.flatMap((part) => ('keys' in part ? part.keys : [])),
    limits.readKeysMax,
  )
  for (const [at, part] of parts.entries()) {
    if (!('by' in part)) continue
    const { part: from } = part.by
    const isEarlier = from >= 0 && from < at && 'keys' in parts[from]!
    if (!isEarlier) throw new Error('store: keys stand in an earlier part that has keys of its own')
  }
}

/** The keys that entries of an earlier part hold, each once. */
export function namedKeys(place: KeyPlace, results: readonly ReadResult[]): readonly string[] {
  const result = results[place.part]
  if (result?.kind !== 'serving') return []
  const keys = result.entries.flatMap((entry) => {
    if (!entry) return []
    if ('field' in place) return entry.fields[place.field] ?? []
    return (entry.slices?.[place.slice] ?? []).map(({ item }) => item)
  })
  return [...new Set(keys)]
}

/** The same without the entries that are not there. */
export function withoutNulls(result: ReadResult): ReadResult {
  if (result.kind !== 'serving') return result
  return { ...result, entries: result.entries.filter((entry) => entry !== null) }
}

/** The same with those entries that are there and have one of these keys. */
export function entriesAmong(result: ReadResult, keys: readonly string[]): ReadResult {
  if (result.kind !== 'serving') return result
  const wanted = new Set(keys)
  return {
    ...result,
    entries: result.entries.filter((entry) => entry !== null && wanted.has(entry.key)),
  }
}

/** For readers that are given one of another store. */
export function strangeReader(reader: ViewReader): Error {
  return new Error(`store: ${reader.constructor.name} is a reader of another store`)
}
