/** Sums are kept as integers of 64 bits: columns of which few rows can add up to more. */
import type { SetupFacts } from '../source/setup-facts.ts'
import type { PostgresType } from '../types/value-type.ts'
import type { View } from '../view/view.ts'

const most = 2n ** 63n - 1n
/** What so many rows of the greatest value add up to is nothing to be told of. */
const rowsEnough = 1_000_000n

export function sumNotes(facts: SetupFacts, views: readonly View[]): readonly string[] {
  const notes = views.flatMap(({ name, counts }) =>
    counts.flatMap(({ table, adds }) => {
      if (adds.kind !== 'sum') return []
      const type = facts.tables[table]?.columns[adds.column]?.type
      const greatest = type && greatestOf(type, adds.scale)
      if (greatest === undefined || most / greatest >= rowsEnough) return []
      return [
        `${table}: view ${name} adds up ${adds.column}, of type ${type!.full}, of which ` +
          `${most / greatest + 1n} rows can add up to more than 64 bits hold: the change that brings ` +
          'them there stops its partition',
      ]
    }),
  )
  // An average may be made of what is added up anyway.
  return [...new Set(notes)]
}

/** Of a column's values, as the integers that are added up. */
function greatestOf({ name, full }: PostgresType, scale: number): bigint | undefined {
  if (name === 'bigint') return most
  const [, digits, behind] = (/^numeric\((\d+),(\d+)\)$/.exec(full) ?? []).map(Number)
  // A column that does not fit is another fault.
  if (digits === undefined || behind === undefined || behind > scale) return undefined
  return 10n ** BigInt(digits - behind + scale) - 1n
}
