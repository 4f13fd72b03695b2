import { describe, MillraceError } from '../errors.ts'
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
}

/**
 * Does `work` for one view after another. A fault of one is said on standard error, and does not
 * keep the work from the others.
 */
export async function eachView<Result>(
  { views, store, signal }: EachView,
  work: (view: View) => Promise<Result>,
): Promise<readonly Outcome<Result>[]> {
  const outcomes: Outcome<Result>[] = []
  for (const view of views) {
    const of = { view: view.name, store }
    try {
      outcomes.push({ ...of, result: await work(view), failure: null })
    } catch (error) {
      if (!(error instanceof MillraceError) || signal.aborted) throw error
      const failure = describe(error)
      const hint = error.hint === undefined ? '' : `${error.hint.trimEnd()}\n`
      process.stderr.write(`${view.name} in ${store}: ${failure}\n${hint}`)
      outcomes.push({ ...of, result: undefined, failure })
    }
  }
  return outcomes
}
