/** Compares the cells of a tally, all of them or some, with what they must be. */
import type { Cells, Mutation } from '../mutation.ts'
import type { Difference } from './judge.ts'

export type Amounts = ReadonlyMap<string, bigint>

export type CellsCompared = {
  readonly differences: readonly Difference[]
  /** What has to be added to make them right, by item; none is zero. */
  readonly lacking: Amounts
}

/** Cells of one tally that are told one by one: a tally that lost all may have a thousand. */
const namedMax = 20

/** Undefined where they are alike. An item that is in neither has the amount 0. */
export function compareCells(
  { key, field }: Pick<Difference, 'key' | 'field'>,
  expected: Amounts,
  found: Amounts,
): CellsCompared | undefined {
  const lacking = new Map<string, bigint>()
  for (const [item, must] of expected) {
    const is = found.get(item) ?? 0n
    if (must !== is) lacking.set(item, must - is)
  }
  for (const [item, is] of found) if (is !== 0n && !expected.has(item)) lacking.set(item, -is)
  if (lacking.size === 0) return undefined
  const items = [...lacking.keys()]
  const named = items.slice(0, namedMax).map((item) => ({
    key,
    field,
    item,
    expected: shown(expected.get(item)),
    found: shown(found.get(item)),
  }))
  const rest = items.slice(namedMax)
  if (rest.length === 0) return { differences: named, lacking }
  const [must, is] = [expected, found].map((cells) => String(sumOf(rest, cells)))
  const more = { key, field, more: rest.length, expected: must!, found: is! }
  return { differences: [...named, more], lacking }
}

/** The amounts with those that a mutation adds. */
export function withUnseen(amounts: Amounts, unseen: Mutation | undefined, tally: string): Amounts {
  const more = unseen?.cells?.get(tally)
  if (!more) return amounts
  const sums = new Map(amounts)
  for (const [item, amount] of more) sums.set(item, (sums.get(item) ?? 0n) + amount)
  return sums
}

/** Whether both have the same amounts. */
export function sameCells(a: Cells | undefined, b: Cells | undefined): boolean {
  if (a?.size !== b?.size) return false
  for (const [tally, items] of a ?? []) {
    const others = b!.get(tally)
    if (others?.size !== items.size) return false
    for (const [item, amount] of items) if (others.get(item) !== amount) return false
  }
  return true
}

export function sizeOfCells(cells: Cells | undefined): number {
  let size = 0
  for (const items of cells?.values() ?? []) size += items.size
  return size
}

function shown(amount = 0n): string | null {
  return amount === 0n ? null : String(amount)
}

function sumOf(items: readonly string[], cells: Amounts): bigint {
  return items.reduce((sum, item) => sum + (cells.get(item) ?? 0n), 0n)
}
