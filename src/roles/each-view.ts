import { describe, describeWithHint, MillraceError } from '../errors.ts'
import type { View } from '../view/view.ts'

/** What came of one view. */
export type Outcome<Result> = { readonly view: string; readonly store: string } & (
  | { readonly result: Result; readonly failure: null }
  | { readonly result: undefined; readonly failure: string }
)

export type EachView = {
  readonly views: readonly View[]
  /** The store's name. */
  readonly store: string
  readonly signal: AbortSignal
  /** How many views at most are worked on at once. */
  readonly atOnce?: number
}

export type WorkOnView<Result> = {
  readonly work: (view: View) => Promise<Result>
  /** Called for each view that was worked on, in the order of the views. */
  readonly done?: (result: Result, view: View) => void
}

/**
 * Does `work` for every view. A fault of one is said on standard error, and does not keep the work
 * from the others.
 */
export async function eachView<Result>(
  { views, store, signal, atOnce = 1 }: EachView,
  { work, done = () => undefined }: WorkOnView<Result>,
): Promise<readonly Outcome<Result>[]> {
  const begun: Promise<Outcome<Result>>[] = []
  const ended: Outcome<Result>[] = []
  for (const [at, view] of views.entries()) {
    for (const next of views.slice(begun.length, at + atOnce)) {
      const outcome = outcomeOf(next, store, { work, signal })
      outcome.catch(() => undefined)
      begun.push(outcome)
    }
    const outcome = await begun[at]!
    if (outcome.failure === null) done(outcome.result, view)
    ended.push(outcome)
  }
  return ended
}

type Working<Result> = Pick<WorkOnView<Result>, 'work'> & Pick<EachView, 'signal'>

async function outcomeOf<Result>(
  view: View,
  store: string,
  { work, signal }: Working<Result>,
): Promise<Outcome<Result>> {
  const of = { view: view.name, store }
  try {
    return { ...of, result: await work(view), failure: null }
  } catch (error) {
    if (!(error instanceof MillraceError) || signal.aborted) throw error
    process.stderr.write(`${view.name} in ${store}: ${describeWithHint(error)}`)
    return { ...of, result: undefined, failure: describe(error) }
  }
}
