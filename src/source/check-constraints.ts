/** What the check constraints of a table prove of a column, by the text that Postgres gives of them. */
import type { Condition } from '../types/value-type.ts'

/** Whether a check, or one of several that it joins by AND, is this condition. */
export function holds({ written }: Condition, quoted: string, checks: readonly string[]): boolean {
  return checks.some((check) =>
    conjunctsOf(check).some((part) => written.test(anonymous(part, quoted))),
  )
}

/** What holds by itself where the text does: operands of AND, but nothing within OR, NOT or a call. */
function conjunctsOf(text: string): readonly string[] {
  const shape = shapeOf(text)
  if (/^\(\.*\)$/.test(shape)) return conjunctsOf(text.slice(1, -1))
  const parts: string[] = []
  let from = 0
  for (const { index } of shape.matchAll(/ AND /g)) {
    parts.push(text.slice(from, index))
    from = index + ' AND '.length
  }
  return parts.length === 0 ? [text] : [...parts, text.slice(from)].flatMap(conjunctsOf)
}

/** The text with a dot for each letter within quotes or parentheses. A quote in quotes is doubled. */
function shapeOf(text: string): string {
  let shape = ''
  let depth = 0
  let quote: string | undefined
  for (const letter of text.split('')) {
    const isWithin = quote !== undefined
    if (quote === undefined && (letter === "'" || letter === '"')) quote = letter
    else if (letter === quote) quote = undefined
    if (!isWithin && letter === ')') depth -= 1
    shape += isWithin || depth > 0 ? '.' : letter
    if (!isWithin && letter === '(') depth += 1
  }
  return shape
}

/** With `COLUMN` in place of the column, which Postgres casts where its type is a domain. */
function anonymous(text: string, quoted: string): string {
  const name = quoted.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return text.replaceAll(
    new RegExp(`\\(${name}\\)::[^()=]*?\\[\\]|(?<![\\w"])${name}(?![\\w"])`, 'g'),
    'COLUMN',
  )
}
