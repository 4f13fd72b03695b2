import type { Count, RowGroup, Tally, View } from './view.ts'

/** Counts of the same rows, which one statement answers. */
export type CountGroup = RowGroup & { readonly counts: readonly Count[] }

/** Tallies of the same items of the same rows. */
export type TallyGroup = RowGroup & Pick<Tally, 'item'> & { readonly tallies: readonly Tally[] }

/** In the order of the first count of each. */
export function countGroups({ counts }: View): readonly CountGroup[] {
  const groups = alike(counts, ({ table, by, where }) => [table, by, where])
  return groups.map((alikes) => {
    const { table, by, where } = alikes[0]!
    return { table, by, where, counts: alikes }
  })
}

/** In the order of the first tally of each. */
export function tallyGroups({ tallies }: View): readonly TallyGroup[] {
  const groups = alike(tallies, ({ table, by, where, item }) => [table, by, where, item])
  return groups.map((alikes) => {
    const { table, by, where, item } = alikes[0]!
    return { table, by, where, item, tallies: alikes }
  })
}

function alike<T>(items: readonly T[], what: (item: T) => unknown): readonly (readonly T[])[] {
  return [...Map.groupBy(items, (item) => JSON.stringify(what(item))).values()]
}
