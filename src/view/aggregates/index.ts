/** All aggregates. One that is added is added here, in a file of its own. */
import type { AggregateKind } from '../view.ts'
import type { AggregateForm } from './aggregate.ts'
import { average } from './average-of.ts'
import { count } from './count-of.ts'
import { sum } from './sum-of.ts'

export const aggregateForms: Readonly<Record<AggregateKind, AggregateForm>> = {
  count,
  sum,
  average,
}
