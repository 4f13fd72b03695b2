/**
 * All aggregates. One that is added stands in a file of its own and is listed here: its form by its
 * kind, which is the default export, and by name what the package exports of it.
 */
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

const aggregateForms: Readonly<Record<string, AggregateForm>> = {
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

export default aggregateForms

export { countOf } from './count-of.ts'
export { sumOf, type SumDeclaration } from './sum-of.ts'
export { averageOf, type AverageDeclaration } from './average-of.ts'
export { topOf, type TopDeclaration } from './top-of.ts'
export { countsOf } from './counts-of.ts'
export type { CountedDeclaration as CountsDeclaration } from './counted-items.ts'
export { latestOf } from './latest-of.ts'
export { earliestOf } from './earliest-of.ts'
export { minOf } from './min-of.ts'
export { maxOf } from './max-of.ts'
export type { ExtremeDeclaration, ListDeclaration } from './ordered-rows.ts'
export type { AggregateDeclaration, RowsDeclaration } from './aggregate.ts'
