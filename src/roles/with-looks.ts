import { MillraceError } from '../errors.ts'
import type { Plan } from '../reconcile/plan.ts'
import type { ViewState } from '../store/state.ts'
import { ViewWatch } from '../store/view-watch.ts'
import type { View } from '../view/view.ts'
import type { Outside } from './keep-view.ts'
import { closeOutside, openOutside } from './outside.ts'
import { Plans } from './plans.ts'
import { withStore, type Opened, type WithStoreOptions } from './with-store.ts'

const watchEveryMs = 100

export type Looking = Opened & {
  readonly state: ViewState
  readonly plan: Plan
  readonly signal: AbortSignal
}

/** Opens the store of a view for `work`. Throws `not-serving` where the view was not begun. */
export type Look = <Result>(
  view: View,
  work: (looking: Looking) => Promise<Result>,
) => Promise<Result>

/**
 * Opens what it takes to compare entries with the source, from a process of its own: the source and
 * the log once, for as many views as `work` looks at. Workers take the barriers that this needs.
 */
export async function withLooks<Result>(
  options: WithStoreOptions & { readonly signal: AbortSignal },
  work: (look: Look) => Promise<Result>,
): Promise<Result> {
  const end = new AbortController()
  const signal = AbortSignal.any([options.signal, end.signal])
  const outside = openOutside(options.config, options.log)
  const markers = outside.markers.run(signal)
  try {
    return await work((view, looks) =>
      withStore(options, view, (opened) =>
        lookedAt(opened, { ...options, outside, signal }, looks),
      ),
    )
  } finally {
    end.abort()
    await Promise.allSettled([markers])
    await closeOutside(outside)
  }
}

type Around = WithStoreOptions & { readonly outside: Outside; readonly signal: AbortSignal }

async function lookedAt<Result>(
  opened: Opened,
  { config, outside, signal }: Around,
  work: (looking: Looking) => Promise<Result>,
): Promise<Result> {
  const end = new AbortController()
  const over = AbortSignal.any([signal, end.signal])
  const watch = new ViewWatch(opened.store.watchable, outside.clock, opened.log)
  const plans = new Plans({ ...opened, outside, watch, config })
  const watching = watch.run(watchEveryMs, over)
  try {
    const state = await watch.ask()
    if (!state) throw notBegun(opened)
    return await work({ ...opened, state, plan: plans.reconcile(state), signal: over })
  } finally {
    end.abort()
    await Promise.allSettled([watching])
  }
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
