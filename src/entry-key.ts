/**
 * The key of an entry as one text. One part stands as it is; several stand with colons between
 * them, and a colon or a backslash within a part has a backslash before it, so that no two keys
 * meet: `eu:42`.
 */

/** Undefined where a part is null: such a row belongs to no entry. */
export function spellKey(parts: readonly (string | null | undefined)[]): string | undefined {
  if (parts.length === 1) return parts[0] ?? undefined
  const spelled: string[] = []
  for (const part of parts) {
    if (part === null || part === undefined) return undefined
    spelled.push(part.replace(/[\\:]/g, '\\$&'))
  }
  return spelled.join(':')
}

/** SQL that spells a key of these texts; null where one of them is. */
export function spellSql(texts: readonly string[]): string {
  if (texts.length === 1) return texts[0]!
  // Right whatever `standard_conforming_strings` says.
  const escaped = texts.map(
    (text) => `replace(replace(${text}, E'\\\\', E'\\\\\\\\'), ':', E'\\\\:')`,
  )
  return escaped.join(" || ':' || ")
}

/** The parts of a key that has so many; undefined for text that is none. */
export function splitKey(key: string, count: number): readonly string[] | undefined {
  if (count === 1) return [key]
  const parts = ['']
  for (let at = 0; at < key.length; at += 1) {
    const letter = key[at]!
    if (letter === ':') {
      parts.push('')
      continue
    }
    const escaped = letter === '\\'
    if (escaped) at += 1
    const plain = key[at]
    if (plain === undefined || (escaped && plain !== ':' && plain !== '\\')) return undefined
    parts[parts.length - 1] += plain
  }
  return parts.length === count ? parts : undefined
}
