/** What lies in the stores, beside what is declared: declarations, and keys that are somebody else's. */
import { ownView } from '../coordinate/view-plan.ts'
import { describe, MillraceError } from '../errors.ts'
import type { View } from '../view/view.ts'
import { declarationPlan, nothing } from './declaration-plan.ts'
import { faultOf, onlyFirst, unanswered } from './draft.ts'
import { withStoreToRead } from './tools.ts'
import type { Plan, PlanParts } from './words.ts'

type StoreName = PlanParts['project']['config']['stores'][number]

export async function storesPlan(parts: PlanParts): Promise<Plan> {
  const { config, views } = parts.project
  const plans = await Promise.all(
    config.stores.flatMap((store) => views.map((view) => planIn(parts, view, store))),
  )
  return {
    steps: plans.flatMap(({ steps }) => steps),
    // A store that is away is so for every view.
    faults: onlyFirst(
      plans.flatMap(({ faults }) => faults),
      ({ where, what }) => `${where} ${what}`,
    ),
    notes: [...new Set(plans.flatMap(({ notes }) => notes))],
  }
}

async function planIn(
  { project: { config }, adopt = false }: PlanParts,
  view: View,
  name: StoreName,
): Promise<Plan> {
  try {
    return await withStoreToRead(name, { config, view }, async (store) => {
      const { watchable } = store
      const [state, wanted] = await Promise.all([watchable.state(), watchable.wanted()])
      const occupant = state ? undefined : await watchable.occupant()
      const wrong = (await store.faults()).map(({ what, cure }) => faultOf(name, what, cure))
      const kept = { state, wanted, occupant }
      const plan = declarationPlan(ownView(view), name, { kept, adopt })
      return { ...plan, faults: [...wrong, ...plan.faults] }
    })
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error
    // Readers make nothing, and the first worker makes what is missing.
    if (error.code === 'store-layout' && name === 'postgres') {
      return { ...nothing, notes: [`${name}: ${describe(error)}; the first worker makes it`] }
    }
    return { ...nothing, faults: [unanswered(name, error)] }
  }
}
