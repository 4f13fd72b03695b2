/** The command `apply`: does what `plan` says, and has the declarations of this release served. */
import { flag, text, type Given } from '../arguments.ts'
import { systemClock } from '../clock.ts'
import { mergedView } from '../coordinate/view-plan.ts'
import { MillraceError } from '../errors.ts'
import { boundOf, boundText, timePartsOf, type KeepBound } from '../keep.ts'
import { createCommandLog } from '../log.ts'
import { planOf, type PlanParts } from '../plan/plan.ts'
import { carryOut, helpOf, refuse } from '../plan/prepare.ts'
import { printLine } from '../print-line.ts'
import type { Project } from '../project/project.ts'
import { decodePass } from '../reconcile/pass-state.ts'
import type { ViewState } from '../store/state.ts'
import type { View } from '../view/view.ts'
import { chosen as namedIn, chosenStores, chosenViews } from './chosen.ts'
import { storeOption, viewOption } from './options.ts'
import { planSql, planText } from './plan-text.ts'
import { withStore, type Opened } from './with-store.ts'

export const applyCommand = {
  call: 'millrace apply',
  about: `Does what \`millrace plan\` says, each step shown, and has the declarations of this release served:
follows the workers until they are. Earlier declarations are served on by their own processes. May be
run again at any time; what is there already is left as it is.`,
  options: {
    sql: flag("prints the SQL for the source's owner to run, and does nothing"),
    adopt: flag("entries that lie under a view's names become the view's, and are put right"),
    prune: flag('ends earlier declarations, once this is complete: their processes must be gone'),
    'let-go': text(
      'NAME',
      'entries of this view that are too old go, though many go at once: see `millrace doctor`',
    ),
    view: viewOption,
    store: storeOption,
  },
  more: `Exits with 0 when all was done, 1 when something is in the way or a step has failed. A step that the role
in MILLRACE_SOURCE_OWNER has no right for is shown as SQL, for whoever has it.`,
} as const

const askEveryMs = 500
const sayEveryMs = 5_000
const noWorkerMs = 30_000
/** Workers that run begin a view within this time. */
const beginningMs = 15_000

export async function runApply(
  { values }: Given<(typeof applyCommand)['options']>,
  project: Project,
  signal: AbortSignal,
): Promise<number> {
  const chosen = { ...project, views: chosenViews(project, values.view) }
  const { config } = project
  const stores = chosenStores(config, values.store)
  const parts: PlanParts = {
    project: { ...chosen, config: { ...config, stores } },
    adopt: values.adopt,
  }
  const letGo = letGoIn(values['let-go'], chosen.views)
  const plan = await planOf(parts)
  if (values.sql) {
    printLine(planSql(plan))
    if (plan.faults.length > 0) process.stderr.write(`${planText({ ...plan, steps: [] })}\n`)
    return plan.faults.length > 0 ? 1 : 0
  }
  refuse(plan.faults)
  const failures = await carryOut(parts, printLine, signal)
  const log = createCommandLog(config.logLevel, 'apply')
  const beginsBy = systemClock.monotonicMs() + beginningMs
  for (const name of stores) {
    for (const view of chosen.views) {
      await withStore({ config, name, log }, view, async (opened) => {
        await want(opened, { ...values, letGo: letGo.includes(view.name) })
        if (failures.length === 0) {
          await follow(opened, { prune: values.prune, beginsBy }, signal)
        }
      })
    }
  }
  if (failures.length === 0) return 0
  const many = failures.length === 1 ? 'A step' : `${failures.length} steps`
  process.stderr.write(`${many} could not be done.\n${failures.map(helpOf).join('\n')}\n`)
  return 1
}

type Choices = { readonly adopt: boolean; readonly prune: boolean; readonly letGo: boolean }

async function want({ store, own }: Opened, { adopt, prune, letGo }: Choices): Promise<void> {
  const { watchable } = store
  const bound = letGo ? presentBound(await watchable.state()) : undefined
  await watchable.want((before) => {
    const kept = before?.declaration === own.id ? before : undefined
    return {
      declaration: own.id,
      adopt: adopt || (before?.adopt ?? false),
      prune: prune || (kept?.prune ?? false),
      sweep: kept?.sweep ?? [],
      letGo: bound ?? before?.letGo,
    }
  })
  if (letGo) printLine(`${store.name}: ${letGoText(own.view, bound)}`)
  printLine(`${store.name}: declaration ${own.id} of ${own.view.name} is to be served`)
}

function letGoIn(list: string | undefined, views: readonly View[]): readonly string[] {
  const names = views.map(({ name }) => name)
  return list === undefined ? [] : namedIn(list, names, '--let-go: no view is declared by the name')
}

/** By the source's clock as the newest barrier says it. */
function presentBound(state: ViewState | undefined): KeepBound | undefined {
  return state?.barrier && boundOf(mergedView(state), state.barrier.takenAtMs)
}

function letGoText({ name, key }: View, bound: KeepBound | undefined): string {
  if (bound === undefined) return `${name} lets nothing go: it was not begun, or keeps all entries`
  return `entries of ${name} before ${boundText(key[timePartsOf(key)[0]!]!, bound)} are let go`
}

type Following = {
  readonly prune: boolean
  /** By when a worker that runs has begun the view. */
  readonly beginsBy: number
}

/** Until the declaration is complete, and earlier ones are gone where that was asked for. */
async function follow(
  { store, own }: Opened,
  { prune, beginsBy }: Following,
  signal: AbortSignal,
): Promise<void> {
  let [saidMs, movedMs] = [systemClock.monotonicMs(), systemClock.monotonicMs()]
  let seen = ''
  while (!signal.aborted) {
    const state = await store.watchable.state()
    const line = progressOf(state, own.id, prune)
    const where = `${store.name}: ${own.view.name}`
    if (line === undefined)
      return printLine(`${where}: done, it is served, and every entry was compared`)
    const nowMs = systemClock.monotonicMs()
    if (!state && nowMs > beginsBy) {
      return printLine(`${where}: not begun yet: the first \`millrace worker\` does that`)
    }
    const mark = `${line} ${state?.pass} ${state?.barrier?.number}`
    if (mark !== seen) movedMs = nowMs
    seen = mark
    if (nowMs - saidMs >= sayEveryMs) {
      printLine(`${where}: ${line}`)
      saidMs = nowMs
    }
    if (nowMs - movedMs >= noWorkerMs) {
      throw new MillraceError(
        'no-worker',
        `nothing has moved for ${noWorkerMs / 1_000} s: ${line}`,
        {
          hint: 'Start a worker of this release, `millrace worker`. What is asked for stays.',
        },
      )
    }
    await systemClock.sleep(askEveryMs, signal)
  }
  throw new MillraceError('interrupted', 'stopped following; the workers go on')
}

/** What is still to be done; undefined when nothing is. */
function progressOf(state: ViewState | undefined, id: string, prune: boolean): string | undefined {
  if (!state) return 'waiting for a worker to begin the view'
  const kept = state.declarations.find((each) => each.id === id)
  if (!kept || state.declarations.at(-1) !== kept) {
    return 'waiting for a worker to bring the declaration in'
  }
  if (!kept.complete) {
    const pass = decodePass(state.pass)
    return `entries are put in: ${pass?.entries ?? 0} so far`
  }
  if (prune && state.declarations.length > 1) return 'waiting for a worker to end earlier ones'
  return undefined
}
