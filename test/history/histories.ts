import type { ComponentChange, CountName, RowState } from './components.ts'

/** What one component may show, from what a watermark covers to what was committed by then. */
export type Reachable = { readonly least: bigint; readonly most: bigint }

type RowEvent = { readonly lsn: bigint; readonly state: RowState | null }
type CountEvent = { readonly lsn: bigint; readonly row: string; readonly total: bigint }

/** Every state that each component of each user ever had, by the LSN of the commit. */
export class Histories {
  readonly #rows = new Map<string, RowEvent[]>()
  readonly #counts = new Map<string, CountEvent[]>()
  #changes = 0

  get changes(): number {
    return this.#changes
  }

  /** Changes come in the order of their commits. */
  add(lsn: bigint, change: ComponentChange): void {
    this.#changes += 1
    if (change.kind === 'row') {
      listOf(this.#rows, change.user).push({ lsn, state: change.state })
      return
    }
    const list = listOf(this.#counts, `${change.user} ${change.count}`)
    const total = (list.at(-1)?.total ?? 0n) + BigInt(change.amount)
    list.push({ lsn, row: change.row, total })
  }

  /**
   * States of a user's row that a reader may see: the last one below the watermark, and every one
   * from there up to `ceiling`.
   */
  rowStates(user: string, watermark: bigint, ceiling: bigint): readonly (RowState | null)[] {
    const list = this.#rows.get(user) ?? []
    const from = firstAtOrAbove(list, watermark)
    const to = firstAtOrAbove(list, ceiling)
    const floor = from === 0 ? null : list[from - 1]!.state
    return [floor, ...list.slice(from, Math.max(from, to)).map(({ state }) => state)]
  }

  /** Every state that a user's row had up to `ceiling`. */
  allRowStates(user: string, ceiling: bigint): readonly (RowState | null)[] {
    return this.rowStates(user, 0n, ceiling)
  }

  /**
   * A counter's rows lie in several partitions, each with a progress of its own, so what a reader
   * may see is bounded by what each row has given at some time since the watermark.
   */
  countReachable(user: string, count: CountName, at: Window): Reachable {
    const list = this.#counts.get(`${user} ${count}`) ?? []
    const from = firstAtOrAbove(list, at.watermark)
    const to = Math.max(from, firstAtOrAbove(list, at.ceiling))
    const floor = from === 0 ? 0n : list[from - 1]!.total
    const byRow = new Map<string, { now: bigint; least: bigint; most: bigint }>()
    let before = floor
    for (const { row, total } of list.slice(from, to)) {
      const seen = byRow.get(row) ?? { now: 0n, least: 0n, most: 0n }
      seen.now += total - before
      seen.least = seen.now < seen.least ? seen.now : seen.least
      seen.most = seen.now > seen.most ? seen.now : seen.most
      byRow.set(row, seen)
      before = total
    }
    const all = [...byRow.values()]
    return {
      least: all.reduce((sum, { least }) => sum + least, floor),
      most: all.reduce((sum, { most }) => sum + most, floor),
    }
  }
}

export type Window = {
  /** Every commit below it is covered. */
  readonly watermark: bigint
  /** No commit at or above it can have been seen. */
  readonly ceiling: bigint
}

function firstAtOrAbove(list: readonly { readonly lsn: bigint }[], lsn: bigint): number {
  let [low, high] = [0, list.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (list[middle]!.lsn >= lsn) high = middle
    else low = middle + 1
  }
  return low
}

function listOf<Item>(map: Map<string, Item[]>, key: string): Item[] {
  const list = map.get(key) ?? []
  map.set(key, list)
  return list
}
