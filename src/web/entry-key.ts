import { spellKey, splitKey } from '../entry-key.ts'
import { keyFormOf } from '../types/windows.ts'
import type { View } from '../view/view.ts'

type Keyed = Pick<View, 'key'>

/**
 * The key of these parts as they stand in a path, or undefined where they are none of the view's.
 * Each has to be canonical, so that one entry has one address: integers stay text, for a JavaScript
 * number can't tell 9007199254740993 from its neighbour.
 */
export function parseParts({ key }: Keyed, parts: readonly string[]): string | undefined {
  const isKey =
    parts.length === key.length && key.every((part, at) => keyFormOf(part).isCanonical(parts[at]!))
  return isKey ? spellKey(parts) : undefined
}

/** The same of a key that stands in one text, as `eu:42`. */
export function parseKey(view: Keyed, text: string): string | undefined {
  const parts = splitKey(text, view.key.length)
  return parts && parseParts(view, parts)
}

/** What a key of the view looks like, for people who gave another. */
export function keyRule({ key }: Keyed): string {
  return `${key.map((part) => `${part.name} is ${keyFormOf(part).words}`).join('; ')}.`
}

/** What one looks like that stands in one text. */
export function spelledRule(view: Keyed): string {
  if (view.key.length === 1) return keyRule(view)
  const form = view.key.map(({ name }) => name).join(':')
  return `A key is ${form}, with \\ before a colon or \\ within a part. ${keyRule(view)}`
}
