/** Tables and views of `bench views`. The worker's configuration file imports this. */
import { countOf, defineView, from } from '../view/define-view.ts'
import type { View } from '../view/view.ts'

export const tableCount = 8

/** `bench_1` to `bench_8`; beyond them they begin anew. */
export function tableAt(number: number): string {
  return `bench_${(number % tableCount) + 1}`
}

/** A row of one table, with the rows of two others that belong to it. */
export function manyViews(count: number): readonly View[] {
  return Array.from({ length: count }, (_, at) =>
    defineView({
      name: `bench-${at + 1}`,
      key: { id: 'bigint' },
      row: from(tableAt(at), { key: 'id', fields: { label: 'label', note: 'note' } }),
      aggregates: {
        nextCount: countOf(tableAt(at + 1), { by: 'owner' }),
        otherCount: countOf(tableAt(at + 3), { by: 'owner' }),
      },
    }),
  )
}
