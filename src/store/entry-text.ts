/**
 * An entry as one text, the same from every store and from the source, so that equal entries are
 * equal texts:
 *
 *     row ';' count ';' count … '|' tally '|' tally …
 *
 * - row `+` and cells, where the owning row exists: one for each part of the key, then one for each field. A cell
 *   is `-` for null, else its length in bytes of UTF-8, a colon and its text.
 * - row `-`, where it does not, and `!` where in addition every count is 0 and no tally has a cell,
 *   and yet something lies under the entry's name that is no tally.
 * - count: decimal; `-` where a present row's counter is missing.
 *
 * - tally: its cells, the greatest amount first and ties in byte order of the items. A cell is the
 *   length of the item in bytes, a colon, the item, its amount in decimal and a semicolon. `*` stands
 *   for more cells than `limits.cellsMax`.
 *
 * The text `?` stands for something that no view keeps.
 */
import { splitKey } from '../entry-key.ts'
import type { Entry, ViewLayout } from '../mutation.ts'
import { cellsMax as cellsMost, tallyText, type ToldTally } from '../tally-text.ts'
import { fitsCell, fitsInt64 } from './checks.ts'

export { compareItems, tallyText, type ToldTally } from '../tally-text.ts'

/** An entry taken apart. A count is null where a present row's counter is missing. */
export type LookedAt = {
  readonly fields: Entry['fields'] | null
  readonly counts: Readonly<Record<string, bigint | null>>
  /** Left out where the layout has none. */
  readonly tallies?: ReadonlyMap<string, ToldTally> | undefined
  /** True where something lies there although it says nothing. */
  readonly empty: boolean
}

/**
 * An entry as the source tells it. A number may be more than a store holds, or none: `NaN`, or an
 * infinity.
 */
export type ToldEntry = Omit<LookedAt, 'counts'> & {
  readonly counts: Readonly<Record<string, bigint | string | null>>
}

export const unreadable = '?'

/** What a store answers for an entry that is not there. */
export function absentText({ counts, tallies }: ViewLayout): string {
  return `-;${counts.map(() => '0').join(';')}${'|'.repeat(tallies.length)}`
}

/** `fields` null says that there is no owning row; counts left out are missing. */
export function encodeEntry(
  layout: ViewLayout,
  key: string,
  { fields, counts, tallies }: Omit<LookedAt, 'empty'>,
  cellsMax: number = cellsMost,
): string {
  const missing = fields ? '-' : '0'
  const numbers = layout.counts.map((name) => counts[name]?.toString() ?? missing).join(';')
  const told = layout.tallies.map(({ name }) => `|${tallyText(tallies?.get(name), cellsMax)}`)
  const tail = `${numbers}${told.join('')}`
  if (!fields) return `-;${tail}`
  const parts = splitKey(key, layout.key.length)
  if (!parts) throw new Error(`${JSON.stringify(key)} is no key of ${layout.name}`)
  const cells = [...parts, ...layout.fields.map(({ name }) => fields[name] ?? null)].map(cell)
  return `+${cells.join('')};${tail}`
}

/** Undefined for text that is not of this form. */
export function decodeEntry(layout: ViewLayout, text: string): LookedAt | undefined {
  return decoded(layout, text, storedNumber)
}

/** The same of text that the source has told. */
export function decodeTold(layout: ViewLayout, text: string): ToldEntry | undefined {
  return decoded(layout, text, toldNumber)
}

/** What a count's text says; undefined for text that is none. */
type NumberOf<Amount> = (text: string) => Amount | undefined

const storedNumber: NumberOf<bigint> = (text) => {
  const amount = /^-?\d{1,19}$/.test(text) ? BigInt(text) : undefined
  return amount !== undefined && fitsInt64(amount) ? amount : undefined
}

const toldNumber: NumberOf<bigint | string> = (text) =>
  /^-?\d+$/.test(text) ? BigInt(text) : /^(?:NaN|-?Infinity)$/.test(text) ? text : undefined

function decoded<Amount>(layout: ViewLayout, text: string, numberOf: NumberOf<Amount>) {
  if (text === unreadable) return undefined
  const bytes = new Bytes(text)
  const keys = layout.key.map((_, at) => `:${at}`)
  const names = [...keys, ...layout.fields.map(({ name }) => name)]
  const fields: Record<string, string | null> = {}
  let at = 1
  if (text.startsWith('+')) {
    for (const name of names) {
      if (bytes.all[at] === '-') {
        fields[name] = null
        at += 1
        continue
      }
      const value = bytes.cellAt(at)
      if (!value) return undefined
      fields[name] = value.text
      at = value.end
    }
  }
  const from = layout.tallies.length === 0 ? -1 : bytes.all.indexOf('|', at)
  const numbers = bytes.all.slice(at + 1, from < 0 ? undefined : from)
  const counts = countsIn(layout, numbers, numberOf)
  const tallies = talliesIn(layout, bytes, from)
  if (!counts || !tallies) return undefined
  for (const name of keys) delete fields[name]
  const row = text.startsWith('+') ? fields : null
  const rest = tallies.size === 0 ? {} : { tallies }
  return { fields: row, counts, ...rest, empty: text.startsWith('!') }
}

/** The UTF-8 of a text. Lengths within an entry's text are in bytes. */
class Bytes {
  /** One character for each byte. */
  readonly all: string
  readonly #isAscii: boolean

  constructor(text: string) {
    this.#isAscii = Buffer.byteLength(text) === text.length
    this.all = this.#isAscii ? text : Buffer.from(text).toString('latin1')
  }

  /** Reads a length, a colon, and so many bytes of text; undefined where there is no length. */
  cellAt(at: number): { readonly text: string; readonly end: number } | undefined {
    const colon = this.all.indexOf(':', at)
    const length = Number(this.all.slice(at, colon))
    if (colon < 0 || !Number.isInteger(length)) return undefined
    const end = colon + 1 + length
    const bytes = this.all.slice(colon + 1, end)
    return { text: this.#isAscii ? bytes : Buffer.from(bytes, 'latin1').toString(), end }
  }
}

function cell(value: string | null): string {
  return value === null ? '-' : `${Buffer.byteLength(value)}:${value}`
}

function countsIn<Amount>(
  { counts }: ViewLayout,
  text: string,
  numberOf: NumberOf<Amount>,
): Record<string, Amount | null> | undefined {
  const parts = counts.length === 0 ? [] : text.split(';')
  if (parts.length !== counts.length) return undefined
  const found: Record<string, Amount | null> = {}
  for (const [index, part] of parts.entries()) {
    const amount = part === '-' ? null : numberOf(part)
    if (amount === undefined) return undefined
    found[counts[index]!] = amount
  }
  return found
}

/** Undefined for text that is not of this form; every tally begins with a bar. */
function talliesIn(
  { tallies }: ViewLayout,
  bytes: Bytes,
  from: number,
): Map<string, ToldTally> | undefined {
  const { all } = bytes
  const found = new Map<string, ToldTally>()
  let at = from
  for (const { name } of tallies) {
    if (at < 0 || all[at] !== '|') return undefined
    at += 1
    if (all[at] === '*') {
      found.set(name, 'large')
      at += 1
      continue
    }
    const items = new Map<string, bigint>()
    while (at < all.length && all[at] !== '|') {
      const item = bytes.cellAt(at)
      const end = item ? all.indexOf(';', item.end) : -1
      const amount = end < 0 ? '' : all.slice(item!.end, end)
      if (!/^-?[1-9]\d{0,15}$/.test(amount) || !fitsCell(BigInt(amount))) return undefined
      items.set(item!.text, BigInt(amount))
      at = end + 1
    }
    found.set(name, items)
  }
  return from < 0 || at === all.length ? found : undefined
}
