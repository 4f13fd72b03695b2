/** The command `plan`: what is missing for the views to be kept. Changes nothing. */
import type { Given } from '../arguments.ts'
import { planOf } from '../plan/plan.ts'
import { printLine } from '../print-line.ts'
import { refuseNoViews, type Project } from '../project/project.ts'
import { jsonOption } from './options.ts'
import { planText } from './plan-text.ts'

export const planCommand = {
  call: 'millrace plan',
  about: `Reads the source, Kafka, Connect and the stores, and says what is missing for the views to be kept:
SQL for the source, topics, the connector, and what a changed declaration brings in. Says all at once
that can't be kept, with table, column and cure. Changes nothing.`,
  options: { json: jsonOption },
  more: `Exits with 0 when all fits, 2 when there is something to do, which \`millrace apply\` does, 1 when
something is in the way.`,
} as const

export async function runPlan(
  { values }: Given<(typeof planCommand)['options']>,
  project: Project,
): Promise<number> {
  refuseNoViews(project)
  const plan = await planOf({ project })
  printLine(values.json ? JSON.stringify(plan) : planText(plan))
  if (plan.faults.length > 0) return 1
  return plan.steps.length > 0 ? 2 : 0
}
