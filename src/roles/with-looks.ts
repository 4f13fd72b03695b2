import { MillraceError } from '../errors.ts'
import type { Plan } from '../reconcile/plan.ts'
import type { ViewState } from '../store/state.ts'
import { ViewWatch } from '../store/view-watch.ts'
import { closeOutside, openOutside } from './outside.ts'
import { Plans } from './plans.ts'
import { withStore, type Opened, type WithStoreOptions } from './with-store.ts'

const watchEveryMs = 100

export type Looking = Opened & {
  readonly state: ViewState
  readonly plan: Plan
  readonly signal: AbortSignal
}

/**
 * Opens what it takes to compare entries with the source, from a process of its own. Workers take
 * the barriers that this needs. Throws `not-serving` where the view was not begun.
 */
export async function withLooks<Result>(
  options: WithStoreOptions & { readonly signal: AbortSignal },
  work: (looking: Looking) => Promise<Result>,
): Promise<Result> {
  return withStore(options, async (opened) => {
    const { signal } = options
    const { config } = options.project
    const end = new AbortController()
    const over = AbortSignal.any([signal, end.signal])
    const outside = openOutside(config, opened.log)
    const watch = new ViewWatch(opened.store.watchable, outside.clock, opened.log)
    const plans = new Plans({ ...opened, outside, watch, config })
    const beside = [outside.markers.run(over), watch.run(watchEveryMs, over)]
    try {
      const state = await watch.ask()
      if (!state) throw notBegun(opened)
      return await work({ ...opened, state, plan: plans.reconcile(state), signal: over })
    } finally {
      end.abort()
      await Promise.allSettled(beside)
      await closeOutside(outside)
    }
  })
}

function notBegun({ store, own }: Opened): MillraceError {
  return new MillraceError(
    'not-serving',
    `view ${own.view.name} was not begun in ${store.name}, so there is nothing to compare`,
    {
      hint: 'Start a worker, `millrace worker`. Its log says what it waits for.',
    },
  )
}
