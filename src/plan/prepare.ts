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
export async function prepare(
  parts: PlanParts,
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  refuseFailures(await carryOut(parts, say, signal))
}

/** The same for the source alone, where nothing else is there yet. */
export async function prepareSource(
  parts: PlanParts,
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  const failures = await withTools(parts, async (tools) => {
    const draft = () => sourceDraft(parts, tools)
    refuse((await draft()).faults)
    return runWorks(draft, say, signal)
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
  signal?: AbortSignal,
): Promise<readonly Failure[]> {
  return withTools(parts, async (tools) => {
    refuse((await outsideDraft(parts, tools)).faults)
    const source = await runWorks(() => sourceDraft(parts, tools), say, signal)
    const topics = await runWorks(() => topicsDraft(parts, tools), say, signal)
    const connect = await runWorks(() => connectAfter(parts, tools), say, signal)
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
  const forAnother = where === 'source' && (hint === undefined || text.includes(hint))
  if (!forAnother) return `To ${what}: ${hint ?? 'see above.'}`
  const who = needs === undefined ? 'The owner of the tables' : `Whoever has the right (${needs})`
  return `${who} has to run:\n${text.map((line) => `  ${line}`).join('\n')}`
}

async function connectAfter(parts: PlanParts, tools: Tools): Promise<Draft> {
  return connectDraft(parts, tools, (await sourceDraft(parts, tools)).facts)
}

/** What is done may show what else is missing. */
const roundsMax = 3

/** One that fails holds up no other of its part. Throws `interrupted` once `signal` aborts. */
export async function runWorks(
  draft: () => Promise<Draft>,
  say: (line: string) => void,
  signal?: AbortSignal,
): Promise<readonly Failure[]> {
  const tried = new Map<string, Work>()
  const failures = new Map<string, Failure>()
  for (let round = 1; round <= roundsMax; round += 1) {
    const fresh = (await draft()).works.filter((work) => !tried.has(keyOf(work)))
    if (fresh.length === 0) break
    for (const work of fresh) {
      if (signal?.aborted) throw new MillraceError('interrupted', 'stopped between two steps')
      tried.set(keyOf(work), work)
      const failure = await triedStep(work, say, signal)
      if (failure) failures.set(keyOf(work), failure)
    }
  }
  if (tried.size === 0) return []
  // A grant that is not one's to give is answered with a warning alone.
  for (const work of (await draft()).works) {
    const known = tried.has(keyOf(work)) && !failures.has(keyOf(work))
    const reason = 'it was not refused, and changed nothing'
    if (known) failures.set(keyOf(work), failureOf(work, reason, undefined))
  }
  return [...failures.values()]
}

async function triedStep(
  work: Work,
  say: (line: string) => void,
  signal: AbortSignal | undefined,
): Promise<Failure | undefined> {
  const { where, what } = work
  try {
    await work.run((line) => say(`${where}: ${line}`), signal)
    say(`${where}: ${what}: ok`)
    return undefined
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error
    say(`${where}: ${what}: failed: ${describe(error)}`)
    return failureOf(work, describe(error), error.hint)
  }
}

function keyOf({ text }: Work): string {
  return text.join('\n')
}

function failureOf(
  { where, what, text, needs }: Work,
  reason: string,
  hint: string | undefined,
): Failure {
  return { where, what, text, needs, reason, hint }
}
