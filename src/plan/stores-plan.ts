/** What lies in the stores, beside what is declared: declarations, and keys that are somebody else's. */
import { ownView } from '../coordinate/view-plan.ts'
import { describe, MillraceError } from '../errors.ts'
import { openStore } from '../store/open-store.ts'
import type { View } from '../view/view.ts'
import { declarationPlan } from './declaration-plan.ts'
import { faultOf, unanswered } from './draft.ts'
import { planLog } from './tools.ts'
import type { Plan, PlanParts } from './words.ts'

type StoreName = PlanParts['project']['config']['stores'][number]

const nothing: Plan = { steps: [], faults: [], notes: [] }

export async function storesPlan(parts: PlanParts): Promise<Plan> {
  const { config, views } = parts.project
  const plans = await Promise.all(
    config.stores.flatMap((store) => views.map((view) => planIn(parts, view, store))),
  )
  return {
    steps: plans.flatMap(({ steps }) => steps),
    // A store that is away is so for every view.
    faults: [
      ...new Map(
        plans.flatMap(({ faults }) => faults).map((it) => [it.where + it.what, it]),
      ).values(),
    ],
    notes: [...new Set(plans.flatMap(({ notes }) => notes))],
  }
}

async function planIn(
  { project: { config }, adopt = false }: PlanParts,
  view: View,
  name: StoreName,
): Promise<Plan> {
  const log = planLog(config)
  try {
    const store = await openStore(name, { config, view, readOnly: true, log })
    try {
      const { watchable } = store
      const [state, wanted] = await Promise.all([watchable.state(), watchable.wanted()])
      const occupant = state ? undefined : await watchable.occupant()
      const wrong = (await store.faults()).map(({ what, cure }) => faultOf(name, what, cure))
      const plan = declarationPlan(ownView(view), name, {
        kept: { state, wanted, occupant },
        adopt,
      })
      return { ...plan, faults: [...wrong, ...plan.faults] }
    } finally {
      await store.close()
    }
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error
    // Readers make nothing, and the first worker makes what is missing.
    if (error.code === 'store-layout' && name === 'postgres') {
      return { ...nothing, notes: [`${name}: ${describe(error)}; the first worker makes it`] }
    }
    return { ...nothing, faults: [unanswered(name, error)] }
  }
}
