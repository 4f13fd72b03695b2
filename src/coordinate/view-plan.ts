import { MillraceError } from '../errors.ts'
import type { KeptDeclaration, ViewState } from '../store/state.ts'
import {
  declarationId,
  decodeView,
  encodeView,
  mergeViews,
  storedBeside,
} from '../view/declarations.ts'
import type { View } from '../view/view.ts'

/** A view as this process declares it. */
export type OwnView = { readonly view: View; readonly id: string }

export function ownView(view: View): OwnView {
  return { view, id: declarationId(view) }
}

/** Everything that is stored of the view in this state, as one view. */
export function mergedView({ declarations }: Pick<ViewState, 'declarations'>): View {
  return mergeViews(declarations.map(({ declaration }) => decodeView(declaration)))
}

/** The own declaration as data, named beside those that lie in the store. */
export function keptDeclaration(
  { view, id }: OwnView,
  { declarations }: Pick<ViewState, 'declarations'>,
): KeptDeclaration {
  const others = declarations.map(({ declaration }) => decodeView(declaration))
  return { id, declaration: encodeView(storedBeside(view, others)), complete: false }
}

/**
 * The own view with the names that it has in the store. Throws `declaration-unknown` while nobody
 * has applied it, and `declaration-replaced` when another one was applied after it.
 */
export function servedView({ view, id }: OwnView, { declarations }: ViewState): View {
  const kept = declarations.find((each) => each.id === id)
  if (kept) return decodeView(kept.declaration)
  throw new MillraceError(
    'declaration-unknown',
    `view ${view.name} is kept by another declaration than this process has`,
    {
      hint:
        'If this release is to be served, run `millrace apply`: workers then bring in ' +
        'what is new, while the earlier declaration is served on.',
    },
  )
}

/** Throws like `servedView`, and when another declaration was applied after the own one. */
export function refuseReplaced(own: OwnView, state: ViewState): void {
  servedView(own, state)
  const newest = state.declarations.at(-1)!
  if (newest.id === own.id) return
  throw new MillraceError(
    'declaration-replaced',
    `another declaration of view ${own.view.name} was applied after the one that this process has`,
    {
      hint:
        'Workers of the newest declaration keep the view, for this one as well. End this process, ' +
        'or run `apply` of this release to go back to it.',
    },
  )
}
