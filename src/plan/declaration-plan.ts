/** What `apply` would change of a view that is kept, in words. */
import { keptDeclaration, type OwnView } from '../coordinate/view-plan.ts'
import { MillraceError } from '../errors.ts'
import type { Wanted } from '../store/coordination.ts'
import type { ViewState } from '../store/state.ts'
import { lengthText } from '../types/windows.ts'
import { decodeView } from '../view/declarations.ts'
import { fieldsOf, itemColumns, type View } from '../view/view.ts'
import { faultOf } from './draft.ts'
import type { Plan, Step } from './words.ts'

/** What is known of one view in one store. */
export type Kept = {
  readonly state: ViewState | undefined
  readonly wanted: Wanted | undefined
  /** A key named like one of the view's, where the view was not begun. */
  readonly occupant: string | undefined
}

export type DeclarationChoices = { readonly kept: Kept; readonly adopt: boolean }

export const nothing: Plan = { steps: [], faults: [], notes: [] }

export function declarationPlan(
  own: OwnView,
  where: string,
  { kept, adopt }: DeclarationChoices,
): Plan {
  const { state } = kept
  const { name } = own.view
  if (!state) return beginning(own.view, where, { kept, adopt })
  const newest = state.declarations.at(-1)!
  const others = state.declarations.length - 1
  const earlier = `${where}: ${name} is kept by ${others} earlier declaration${others === 1 ? '' : 's'} as well, which \`apply --prune\` ends`
  const notes = others > 0 ? [earlier] : []
  if (newest.id === own.id) {
    const partly = `${where}: what is new in ${name} is being put in`
    return { ...nothing, notes: newest.complete ? notes : [...notes, partly] }
  }
  try {
    keptDeclaration(own, state)
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error
    return { ...nothing, faults: [faultOf(where, error.message, error.hint)] }
  }
  const text = changesBetween(decodeView(newest.declaration), own.view)
  const what = `bring in the declaration ${own.id} of ${name}`
  return { ...nothing, steps: [{ where, what, text, needs: undefined }], notes }
}

function beginning(
  { name }: View,
  where: string,
  { kept: { wanted, occupant }, adopt }: DeclarationChoices,
): Plan {
  const begins = `${where}: ${name} was not begun; the first worker does that`
  if (occupant === undefined) return { ...nothing, notes: [begins] }
  if (wanted?.adopt) {
    return { ...nothing, notes: [`${begins}, and adopts what lies there`] }
  }
  const found = `has entries named like those of view ${name} already, as ${name}:${occupant}`
  if (!adopt) {
    const cure =
      '`millrace apply --adopt` makes them the view: each is compared with the source and put right. ' +
      'Else delete them, or give the view another name.'
    return { ...nothing, faults: [faultOf(where, `${where} ${found}`, cure)] }
  }
  const step: Step = {
    where,
    what: `adopt the entries of ${name}`,
    text: [`it ${found}: they become the view's, and are put right`],
    needs: undefined,
  }
  return { ...nothing, steps: [step] }
}

/** A line for each field and count: brought in, changed, or left to the earlier declaration. */
export function changesBetween(before: View, after: View): readonly string[] {
  const [old, now] = [meaningsOf(before), meaningsOf(after)]
  const lines = [...now].flatMap(([name, meaning]) => {
    const known = old.get(name)
    if (known === undefined) return [`+ ${name}: ${meaning}`]
    return known === meaning ? [] : [`~ ${name}: ${meaning}, until now ${known}`]
  })
  const left = [...old].flatMap(([name, meaning]) =>
    now.has(name)
      ? []
      : [`- ${name}: ${meaning}, kept for earlier releases until \`apply --prune\``],
  )
  const all = [...lines, ...left, ...keepChange(before, after)]
  return all.length === 0 ? ['the order of what it has'] : all
}

function keepChange(before: View, after: View): readonly string[] {
  if (before.keep === after.keep) return []
  const [was, is] = [before, after].map(({ keep }) =>
    keep === undefined ? 'for ever' : `for ${lengthText({ seconds: keep })}`,
  )
  return [`~ entries are kept ${is}, until now ${was}`]
}

/** Of what readers see: not of counts that tell whether an entry exists. */
function meaningsOf(view: View): ReadonlyMap<string, string> {
  const { tallies, aggregates } = view
  const seen = new Set(aggregates.flatMap((aggregate) => aggregate.counts))
  const counts = view.counts.filter(({ name }) => seen.has(name))
  return new Map([
    ...fieldsOf(view).map(({ name, column, type }) => [name, `${column} as ${type}`] as const),
    ...counts.map(
      ({ name, table, by }) => [name, `count of ${table} by ${by.join(', ')}`] as const,
    ),
    ...aggregates.flatMap(({ name, tally, slice }) => {
      const found = tallies.find((each) => each.name === tally)
      if (!found) return []
      const { table, by, item } = found
      const columns = itemColumns(item).map(({ column }) => column)
      const bound = slice?.most === undefined ? '' : `, at most ${slice.most}`
      return [[name, `${columns.join(', ')} of ${table} by ${by.join(', ')}${bound}`] as const]
    }),
  ])
}
