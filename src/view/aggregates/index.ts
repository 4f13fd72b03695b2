/** All aggregates by their kind. One that is added is added here, in a file of its own. */
import type { AggregateForm } from './aggregate.ts'
import { average } from './average-of.ts'
import { count } from './count-of.ts'
import { counts } from './counts-of.ts'
import { earliest } from './earliest-of.ts'
import { latest } from './latest-of.ts'
import { max } from './max-of.ts'
import { min } from './min-of.ts'
import { sum } from './sum-of.ts'
import { top } from './top-of.ts'

export const aggregateForms: Readonly<Record<string, AggregateForm>> = {
  count,
  sum,
  average,
  top,
  counts,
  latest,
  earliest,
  min,
  max,
}
