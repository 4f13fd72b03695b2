import { groupName, type Count, type View } from './view.ts'

/** Counts of the same rows, which one statement answers. */
export type CountGroup = Pick<Count, 'table' | 'by' | 'where'> & {
  readonly counts: readonly Count[]
}

/** In the order of the first count of each. */
export function countGroups({ counts }: View): readonly CountGroup[] {
  const groups = new Map<string, CountGroup>()
  for (const count of counts) {
    const { table, by, where } = count
    const rows = groupName(count)
    const known = groups.get(rows)?.counts ?? []
    groups.set(rows, { table, by, where, counts: [...known, count] })
  }
  return [...groups.values()]
}
