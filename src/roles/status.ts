/** The command `status`: how each view stands in each store, read from the stores alone. */
import type { Given } from '../arguments.ts'
import { systemClock } from '../clock.ts'
import { ownView } from '../coordinate/view-plan.ts'
import { MillraceError } from '../errors.ts'
import { createCommandLog, type Log } from '../log.ts'
import { printLine } from '../print-line.ts'
import type { Project } from '../project/project.ts'
import { openStore } from '../store/open-store.ts'
import type { View } from '../view/view.ts'
import { ServedView } from '../web/served-view.ts'
import { viewStatusOf } from '../web/view-status.ts'
import { chosenStores, chosenViews } from './chosen.ts'
import { jsonOption, storeOption, viewOption } from './options.ts'
import { statusText, type StoredStatus } from './status-text.ts'

export const statusCommand = {
  call: 'millrace status',
  about: 'Shows how each view stands in each store that is kept, as the stores tell it.',
  options: { view: viewOption, store: storeOption, json: jsonOption },
  more: 'Exits with 0 when every store has answered, 1 when one has not.',
} as const

/** Answers the exit code. */
export async function runStatus(
  { values }: Given<(typeof statusCommand)['options']>,
  project: Project,
): Promise<number> {
  const views = chosenViews(project, values.view)
  const { config } = project
  const stores = chosenStores(config, values.store)
  const log = createCommandLog(config.logLevel, 'status')
  const asked = views.flatMap((view) =>
    stores.map((store) => askedOf(project, { view, store, log })),
  )
  const found = await Promise.all(asked)
  printLine(values.json ? JSON.stringify({ views: found }) : statusText(found))
  return found.some(({ failure }) => failure !== null) ? 1 : 0
}

type Asking = {
  readonly view: View
  readonly store: Project['config']['readFrom']
  readonly log: Log
}

async function askedOf(
  { config }: Project,
  { view, store: name, log }: Asking,
): Promise<StoredStatus> {
  const served = new ServedView({ own: ownView(view), clock: systemClock, config })
  try {
    const store = await openStore(name, { config, view, readOnly: true, log })
    try {
      served.use(store)
      await served.poll()
    } finally {
      await store.close()
    }
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error
    served.failed(error)
  }
  const seen = served.seen()
  return {
    store: name,
    failure: seen.failure ?? null,
    refused: seen.refused?.message ?? null,
    ...viewStatusOf(served.own, seen, systemClock.wallMs()),
  }
}
