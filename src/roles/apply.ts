/** The role `apply`: says that the declaration of this release is the one to be served. */
import { flag, type Given } from '../arguments.ts'
import { systemClock } from '../clock.ts'
import { MillraceError } from '../errors.ts'
import { createCommandLog } from '../log.ts'
import type { Project } from '../project/project.ts'
import { decodePass } from '../reconcile/pass-state.ts'
import type { ViewState } from '../store/state.ts'
import { chosenStore, chosenViews } from './chosen.ts'
import { storeOption, viewOption } from './options.ts'
import { withStore, type Opened } from './with-store.ts'

export const applyCommand = {
  call: 'millrace apply',
  about: `Says that the declaration of this release is the one to be served, and follows the workers until it
is. Workers of this release have to run; the earlier declaration is served on by its own processes.`,
  options: {
    adopt: flag("entries that lie under the view's names become the view's, and are put right"),
    prune: flag('ends earlier declarations, once this is complete: their processes must be gone'),
    view: viewOption,
    store: storeOption,
  },
} as const

const askEveryMs = 500
const sayEveryMs = 5_000
const noWorkerMs = 30_000

export async function runApply(
  { values }: Given<(typeof applyCommand)['options']>,
  project: Project,
  signal: AbortSignal,
): Promise<number> {
  const { config } = project
  const name = chosenStore(config, values.store)
  const log = createCommandLog(config.logLevel, 'apply')
  for (const view of chosenViews(project, values.view)) {
    await withStore({ config, name, log }, view, async (opened) => {
      await want(opened, values)
      await follow(opened, values, signal)
    })
  }
  return 0
}

type Choices = { readonly adopt: boolean; readonly prune: boolean }

async function want({ store, own }: Opened, { adopt, prune }: Choices): Promise<void> {
  const { watchable } = store
  const [state, before] = [await watchable.state(), await watchable.wanted()]
  if (!state && !adopt && !before?.adopt) {
    const occupant = await watchable.occupant()
    if (occupant !== undefined) throw occupied(store.name, own.view.name, occupant)
  }
  const kept = before?.declaration === own.id ? before : undefined
  await watchable.want({
    declaration: own.id,
    adopt: adopt || (before?.adopt ?? false),
    prune: prune || (kept?.prune ?? false),
    sweep: kept?.sweep ?? [],
  })
  say(`${store.name}: declaration ${own.id} of ${own.view.name} is to be served`)
}

/** Until the declaration is complete, and earlier ones are gone where that was asked for. */
async function follow(
  { store, own }: Opened,
  { prune }: Choices,
  signal: AbortSignal,
): Promise<void> {
  let [saidMs, movedMs] = [systemClock.monotonicMs(), systemClock.monotonicMs()]
  let seen = ''
  while (!signal.aborted) {
    const state = await store.watchable.state()
    const line = progressOf(state, own.id, prune)
    if (line === undefined) return say('done: it is served, and every entry was compared')
    const nowMs = systemClock.monotonicMs()
    const mark = `${line} ${state?.pass} ${state?.barrier?.number}`
    if (mark !== seen) movedMs = nowMs
    seen = mark
    if (nowMs - saidMs >= sayEveryMs) {
      say(`  ${line}`)
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

function occupied(store: string, view: string, occupant: string): MillraceError {
  return new MillraceError(
    'store-occupied',
    `${store} has entries named like those of view ${view} already, as ${view}:${occupant}; nothing was changed`,
    {
      hint:
        'With --adopt they become the view: each is compared with the source and put right. ' +
        'Else delete them, or give the view another name.',
    },
  )
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
