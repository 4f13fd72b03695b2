/**
 * What is missing around Millrace for its views to be kept: in the source, in Kafka, in Connect and
 * in the stores. Nothing is changed by asking.
 */
import { connectDraft } from './connect-plan.ts'
import { allOf, type Draft } from './draft.ts'
import { sourceDraft } from './source-plan.ts'
import { storesPlan } from './stores-plan.ts'
import { topicsDraft } from './topics-plan.ts'
import { withTools, type Tools } from './tools.ts'
import type { Plan, PlanParts } from './words.ts'

export type { Fault, Plan, PlanConfig, PlanParts, Step } from './words.ts'

/** Reads the source, Kafka, Connect and the stores, and says what is missing for these views. */
export function planOf(parts: PlanParts): Promise<Plan> {
  return withTools(parts, async (tools) => {
    const [draft, stores] = await Promise.all([outsideDraft(parts, tools), storesPlan(parts)])
    const outside = planIn(draft)
    return {
      steps: [...outside.steps, ...stores.steps],
      faults: [...outside.faults, ...stores.faults],
      notes: [...outside.notes, ...stores.notes],
    }
  })
}

/** Of what Millrace does not keep itself. */
export async function outsideDraft(parts: PlanParts, tools: Tools): Promise<Draft> {
  const [source, topics] = await Promise.all([sourceDraft(parts, tools), topicsDraft(parts, tools)])
  return allOf([source, topics, await connectDraft(parts, tools, source.facts)])
}

/** What can be shown of a draft. */
export function planIn({ works, faults, notes }: Draft): Plan {
  const steps = works.map(({ where, what, text, needs }) => ({ where, what, text, needs }))
  return { steps, faults, notes }
}
