/** Does what a plan says outside of Millrace: in the source, in Kafka and in Connect. */
import { describe, MillraceError } from '../errors.ts'
import { connectDraft } from './connect-plan.ts'
import type { Draft, Work } from './draft.ts'
import { outsideDraft } from './plan.ts'
import { sourceDraft } from './source-plan.ts'
import { withTools, type Tools } from './tools.ts'
import { topicsDraft } from './topics-plan.ts'
import type { Fault, PlanParts, Step } from './words.ts'

/** A step that could not be done. */
export type Failure = Step & { readonly reason: string; readonly hint: string | undefined }

/**
 * Each step is said as it is done. May be run again at any time: what is there already is left as it
 * is. Throws `source-unfit` with all that is in the way, before anything is changed, and with the
 * steps that failed after the others were done.
 */
export async function prepare(parts: PlanParts, say: (line: string) => void): Promise<void> {
  refuseFailures(await carryOut(parts, say))
}

/** The same for the source alone, where nothing else is there yet. */
export async function prepareSource(parts: PlanParts, say: (line: string) => void): Promise<void> {
  const failures = await withTools(parts, async (tools) => {
    const draft = () => sourceDraft(parts, tools)
    refuse((await draft()).faults)
    return runWorks(draft, say)
  })
  refuseFailures(failures)
}

function refuseFailures(failures: readonly Failure[]): void {
  if (failures.length === 0) return
  const lines = failures.map(({ what, reason }) => `\n  ${what}: ${reason}`)
  throw new MillraceError('source-unfit', `not all could be prepared:${lines.join('')}`, {
    hint: failures.map(helpOf).join('\n'),
  })
}

/** The same; answers the steps that failed. Throws for what is in the way. */
export function carryOut(
  parts: PlanParts,
  say: (line: string) => void,
): Promise<readonly Failure[]> {
  return withTools(parts, async (tools) => {
    refuse((await outsideDraft(parts, tools)).faults)
    const source = await runWorks(() => sourceDraft(parts, tools), say)
    const topics = await runWorks(() => topicsDraft(parts, tools), say)
    const connect = await runWorks(() => connectAfter(parts, tools), say)
    return [...source, ...topics, ...connect]
  })
}

/** Throws `source-unfit` with all that is in the way. */
export function refuse(faults: readonly Fault[]): void {
  if (faults.length === 0) return
  const lines = faults.map(
    ({ what, cure }) => `\n  ${what}${cure === undefined ? '' : `\n    ${cure}`}`,
  )
  throw new MillraceError('source-unfit', `the views can't be kept so:${lines.join('')}`, {
    hint: 'Nothing was changed. `millrace plan` says this again.',
  })
}

/** Who has to do what failed, and how. */
export function helpOf({ where, what, text, needs, hint }: Failure): string {
  if (where !== 'source') return `To ${what}: ${hint ?? 'see above.'}`
  const who = needs === undefined ? 'The owner of the tables' : `Whoever has the right (${needs})`
  return `${who} has to run:\n${text.map((line) => `  ${line}`).join('\n')}`
}

async function connectAfter(parts: PlanParts, tools: Tools): Promise<Draft> {
  return connectDraft(parts, tools, (await sourceDraft(parts, tools)).facts)
}

/** One that fails holds up no other of its part. */
export async function runWorks(
  draft: () => Promise<Draft>,
  say: (line: string) => void,
): Promise<readonly Failure[]> {
  const { works } = await draft()
  const failures: Failure[] = []
  for (const work of works) {
    try {
      await work.run((line) => say(`${work.where}: ${line}`))
      say(`${work.where}: ${work.what}: ok`)
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error
      failures.push(failureOf(work, describe(error), error.hint))
      say(`${work.where}: ${work.what}: failed: ${describe(error)}`)
    }
  }
  if (works.length === 0) return []
  const after = await draft()
  return [...failures, ...withoutEffect(works, after, failures)]
}

/** A grant that is not one's to give is answered with a warning alone. */
function withoutEffect(
  works: readonly Work[],
  after: Draft,
  failures: readonly Failure[],
): readonly Failure[] {
  const still = new Set(after.works.map(({ text }) => text.join('\n')))
  const failed = new Set(failures.map(({ text }) => text.join('\n')))
  return works
    .filter(({ text }) => still.has(text.join('\n')) && !failed.has(text.join('\n')))
    .map((work) => failureOf(work, 'it was not refused, and changed nothing', undefined))
}

function failureOf(
  { where, what, text, needs }: Work,
  reason: string,
  hint: string | undefined,
): Failure {
  return { where, what, text, needs, reason, hint }
}
