/**
 * An entry as one text, the same from every store and from the source, so that equal entries are
 * equal texts:
 *
 *     row ';' count ';' count …
 *
 * - row `+` and cells, where the owning row exists: one for each part of the key, then one for each field. A cell
 *   is `-` for null, else its length in bytes of UTF-8, a colon and its text.
 * - row `-`, where it does not, and `!` where in addition every count is 0 and yet something lies
 *   under the entry's name.
 * - count: decimal; `-` where a present row's counter is missing.
 *
 * The text `?` stands for something that no view keeps.
 */
import { splitKey } from '../entry-key.ts'
import type { Entry, ViewLayout } from '../mutation.ts'
import { fitsInt64 } from './checks.ts'

/** An entry taken apart. A count is null where a present row's counter is missing. */
export type LookedAt = {
  readonly fields: Entry['fields'] | null
  readonly counts: Readonly<Record<string, bigint | null>>
  /** True where something lies there although it says nothing. */
  readonly empty: boolean
}

export const unreadable = '?'

/** What a store answers for an entry that is not there. */
export function absentText({ counts }: ViewLayout): string {
  return `-;${counts.map(() => '0').join(';')}`
}

/** `fields` null says that there is no owning row; counts left out are missing. */
export function encodeEntry(
  layout: ViewLayout,
  key: string,
  { fields, counts }: Pick<LookedAt, 'fields' | 'counts'>,
): string {
  const missing = fields ? '-' : '0'
  const tail = layout.counts.map((name) => counts[name]?.toString() ?? missing).join(';')
  if (!fields) return `-;${tail}`
  const parts = splitKey(key, layout.key.length)
  if (!parts) throw new Error(`${JSON.stringify(key)} is no key of ${layout.name}`)
  const cells = [...parts, ...layout.fields.map(({ name }) => fields[name] ?? null)].map(cell)
  return `+${cells.join('')};${tail}`
}

/** Undefined for text that is not of this form. */
export function decodeEntry(layout: ViewLayout, text: string): LookedAt | undefined {
  if (text === unreadable) return undefined
  const bytes = Buffer.from(text)
  const keys = layout.key.map((_, at) => `:${at}`)
  const names = [...keys, ...layout.fields.map(({ name }) => name)]
  const fields: Record<string, string | null> = {}
  let at = 1
  if (text.startsWith('+')) {
    for (const name of names) {
      if (bytes[at] === dash) {
        fields[name] = null
        at += 1
        continue
      }
      const colon = bytes.indexOf(':', at)
      const length = Number(bytes.toString('latin1', at, colon))
      if (colon < 0 || !Number.isInteger(length)) return undefined
      at = colon + 1 + length
      fields[name] = bytes.toString('utf8', colon + 1, at)
    }
  }
  const counts = countsIn(layout, bytes.toString('latin1', at + 1))
  if (!counts) return undefined
  for (const name of keys) delete fields[name]
  return { fields: text.startsWith('+') ? fields : null, counts, empty: text.startsWith('!') }
}

const dash = 0x2d

function cell(value: string | null): string {
  return value === null ? '-' : `${Buffer.byteLength(value)}:${value}`
}

function countsIn({ counts }: ViewLayout, text: string): Record<string, bigint | null> | undefined {
  const parts = counts.length === 0 ? [] : text.split(';')
  if (parts.length !== counts.length) return undefined
  const found: Record<string, bigint | null> = {}
  for (const [index, part] of parts.entries()) {
    if (part !== '-' && !/^-?\d{1,19}$/.test(part)) return undefined
    const amount = part === '-' ? null : BigInt(part)
    if (amount !== null && !fitsInt64(amount)) return undefined
    found[counts[index]!] = amount
  }
  return found
}
