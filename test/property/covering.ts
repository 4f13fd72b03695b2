/** A few plans that have every type of fields and keys between them. */
import * as fc from 'fast-check'
import { transactionsOf, type Transaction } from './changes.ts'
import { aggregateKinds } from './aggregates.ts'
import { fieldTypes, keyForms } from './forms.ts'
import { numbers, planOf, type Numbers, type Plan } from './plan.ts'
import { Tally } from './tally.ts'

/** Tables of a plan that entries belong to. */
const familiesMax = 2
const rowsOfPlan = 60
const samplesOfPlan = 5

export type Played = {
  readonly plan: Plan
  readonly transactions: readonly Transaction[]
  /** Of what its transactions do. */
  readonly tally: Tally
}

/** What chance has picked, with every type of fields and keys among it. */
export function coveringPlans(
  seed: number,
  { schemas, plansMax }: { readonly schemas: readonly string[]; readonly plansMax: number },
): readonly Played[] {
  const given = fc.sample(numbers, { seed, numRuns: plansMax * samplesOfPlan })
  const [forms, types] = [dealer([...keyForms.keys()]), dealer(fieldTypes)]
  const kinds = dealer([...aggregateKinds.keys()])
  return Array.from({ length: plansMax }, (_, at): Played => {
    const own = given.slice(at * samplesOfPlan, (at + 1) * samplesOfPlan)
    const families = own
      .flatMap((each) => each.families)
      .slice(0, familiesMax)
      .map((each, place) => ({
        ...each,
        parts: forms(((at + place) % 3) + 1),
        // No moments, which only views without owning rows have.
        which: each.which * 2,
        // Each type four times: a table may be left without rows, or with nulls alone.
        fields: types(Math.ceil((fieldTypes.length * 4) / (plansMax * familiesMax))),
        // Two counts of one table by other columns, whatever else there is.
        aggregates: [
          ...each.aggregates,
          { table: 0, reuse: 1, kind: 0, where: 0 },
          { table: 0, reuse: 1, kind: 0, where: 0 },
          // And each kind of aggregate somewhere.
          ...kinds(3).map((kind) => ({ table: kind, reuse: at + place, kind, where: kind })),
        ],
        // One with everything, and for half of them one without an owning row, also of windows.
        views: [
          { fields: 0, aggregates: 0 },
          ...(place === 0 ? [{ fields: 2, aggregates: 0 }] : []),
        ],
      }))
    const transactions = own.flatMap((each) => each.transactions)
    const whole = {
      ...own[0]!,
      families,
      transactions: [...rowsFirst(transactions), ...transactions],
    }
    const tally = new Tally()
    const plan = planOf(whole, { schemas, mark: `c${at}` })
    return { plan, tally, transactions: transactionsOf(plan, whole, tally) }
  })
}

/** Deals items in turn, so that each comes. */
function dealer<T>(items: readonly T[]): (count: number) => T[] {
  let next = 0
  return (count) => Array.from({ length: count }, () => items[next++ % items.length]!)
}

/** Rows of every table, with the values of other changes. */
function rowsFirst(transactions: Numbers['transactions']): Numbers['transactions'] {
  const changes = transactions.flatMap((each) => each.changes).slice(0, rowsOfPlan)
  return changes.map((change, table) => ({
    changes: [{ ...change, table, kind: 0 }],
    end: 0,
    savepoint: 0,
  }))
}
