import type { TypedColumn } from '../../types/declare.ts'
import { decimalText } from '../../types/numeric.ts'
import {
  faultsOfAdded,
  lackingOf,
  unknownFaults,
  type AggregateDeclaration,
  type AggregateForm,
  type RowsDeclaration,
} from './aggregate.ts'
import { typedColumn } from './columns.ts'

export type AverageDeclaration = RowsDeclaration & {
  /** `smallint('stars')`, `numeric('price')`. */
  readonly of: TypedColumn
  /** Decimal digits behind the point of a numeric column at most: 2 of `numeric(10, 2)`. */
  readonly scale?: number
  /** Decimal digits that readers see. */
  readonly digits: number
}

/**
 * The average of a column's values that are not null, null where there are none. It is rounded once, a
 * half away from zero: `round(sum(of)::numeric(60, 40) / count(of), digits)`. SQL's own `avg` has about
 * 16 digits, so `round(avg(of), digits)` rounds twice: it says the same where the digits before the
 * point, those behind it (of the column or of the answer, whichever are more) and those of the count
 * are 17 at most together. A string in JSON.
 *
 *     averageOf('ratings', { of: smallint('stars'), digits: 2, by: 'movie_id' })
 */
export function averageOf(
  table: string,
  declared: AverageDeclaration,
): AggregateDeclaration<string | null> {
  const lacks = lackingOf('averageOf', declared, ['of', 'by'])
  if (lacks) return lacks
  const { scale = 0, digits, by, where = [] } = declared
  const of = typedColumn(declared.of)
  const counts = [
    { end: 'Sum', adds: { kind: 'sum', ...of, scale } },
    { end: 'Count', adds: { kind: 'value', ...of } },
  ] as const
  const faults = [
    ...unknownFaults('averageOf', declared, ['of', 'scale', 'digits', 'by', 'where']),
    ...faultsOfAdded(of, { scale, digits }),
  ]
  return { kind: 'average', table, by, where, keeps: { counts }, shows: { scale, digits }, faults }
}

export const average: AggregateForm = {
  json: ({ aggregate: { digits, scale } }, { numbers: [sum, values] }) =>
    values! <= 0n
      ? null
      : decimalText(rounded(sum! * 10n ** BigInt(digits), values! * 10n ** BigInt(scale)), digits),
  schema: () => ({ type: ['string', 'null'] }),
}

/** A half goes away from zero. */
function rounded(dividend: bigint, divisor: bigint): bigint {
  const doubled = (dividend < 0n ? -dividend : dividend) * 2n + divisor
  const quotient = doubled / (divisor * 2n)
  return dividend < 0n ? -quotient : quotient
}
