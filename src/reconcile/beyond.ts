/**
 * Numbers of the source that no counter can be: sums that have left 64 bits, and `NaN`. All else of
 * their entries is compared and put in. The number stays as it is, and the entry is in doubt until a
 * look finds that it fits again, and puts it right.
 */
import { doubt } from '../coordinate/setup-doubts.ts'
import type { Log } from '../log.ts'
import type { Doubt, StandingDoubt } from '../store/state.ts'
import type { View } from '../view/view.ts'
import type { Difference } from './judge.ts'
import { voided } from './passage.ts'
import type { Plan } from './plan.ts'

/** Entries that one doubt names; where there are more it is about all of the table. */
const keysMax = 100
/** Numbers that its reason tells. */
const namedMax = 5

/** Raises the doubts, before anything is told to be proved by these looks. */
export async function raiseBeyond(
  { view, epoch, watch, writer }: Pick<Plan, 'view' | 'epoch' | 'watch' | 'writer'>,
  beyond: readonly Difference[],
  log: Log,
): Promise<void> {
  if (beyond.length === 0) return
  const state = await watch.ask()
  const raised = beyondDoubts(view, beyond, state?.doubts ?? [])
  for (const each of raised) {
    if (!(await writer.raise(epoch, each))) throw voided('the view has turned its epoch')
    const { code, reason, hint } = each
    log.error({ code, reason, hint }, 'doubt raised')
  }
  if (raised.length > 0) await watch.ask()
}

/** The tables that they come of. */
export function tablesBeyond({ counts }: View, beyond: readonly Difference[]): readonly string[] {
  return counts
    .filter((each) => beyond.some(({ field }) => field === each.stored))
    .map(({ table }) => table)
}

/** One for each table that has entries which are not in doubt for that yet. */
export function beyondDoubts(
  { counts }: View,
  beyond: readonly Difference[],
  standing: readonly StandingDoubt[],
): readonly Doubt[] {
  const tableOf = new Map(counts.map(({ stored, table }) => [stored, table]))
  return [...Map.groupBy(beyond, ({ field }) => tableOf.get(field)!)].flatMap(([table, found]) => {
    const before = standing.find(({ name }) => name === `${code} ${table}`)
    const known = before?.keys ?? []
    const fresh = found.filter(({ key }) => !known.includes(key))
    if (fresh.length === 0 || before?.keys.length === 0) return []
    const all = [...new Set([...known, ...fresh.map(({ key }) => key)])]
    const keys = all.length <= keysMax ? all : []
    const what = { what: table, hint, tables: [table], keys }
    return [doubt(code, 0, { ...what, reason: reasonOf(fresh, known.length) })]
  })
}

function reasonOf(fresh: readonly Difference[], others: number): string {
  const named = fresh.slice(0, namedMax)
  const numbers = named.map(({ key, field, expected }) => `${field} of ${key} is ${expected}`)
  const more = fresh.length - named.length + others
  const rest = more > 0 ? `, and so it is with ${more} more` : ''
  return `${numbers.join(', ')} in SQL, which no integer of 64 bits is${rest}`
}

const code = 'number-beyond-64-bits'

const hint =
  'Readers get another number there. Correct the rows that are added up, or take the aggregate out ' +
  'of the declaration; once the number fits, a look puts it in and ends the doubt.'
