/** A tally as a part of an entry's text, the same from every store and from the source. */
import type { TallyItem } from './mutation.ts'
import { compareBytes } from './types/forms.ts'

/** Items up to which a text tells all of them. */
export const cellsMax = 1_000

/** Amounts by item, or that there are more of them than are told at once. */
export type ToldTally = ReadonlyMap<string, bigint> | 'large'

/**
 * Its cells, the greatest amount first and ties in byte order of the items: the length of the item in
 * bytes, a colon, the item, its amount in decimal and a semicolon. `*` stands for more than `cellsMax`.
 */
export function tallyText(tally: ToldTally = new Map(), most: number = cellsMax): string {
  if (tally === 'large' || tally.size > most) return '*'
  const cells = [...tally].map(([item, amount]) => ({ item, amount })).toSorted(compareItems)
  return cells.map(({ item, amount }) => `${Buffer.byteLength(item)}:${item}${amount};`).join('')
}

/** As texts have the cells of a tally. */
export function compareItems(a: TallyItem, b: TallyItem): number {
  if (a.amount !== b.amount) return a.amount > b.amount ? -1 : 1
  return compareBytes(a.item, b.item)
}
