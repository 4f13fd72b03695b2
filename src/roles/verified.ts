/** What `verify` found, for programs as it stands, and for people as lines. */
import { nameOfField, type Difference } from '../reconcile/judge.ts'
import type { Outcome } from './each-view.ts'

/** Values that are told one by one. */
const namedMax = 50

export type Verified = {
  readonly comparison: Comparison
  /** False while entries are still put in, and so differ. */
  readonly complete: boolean
  readonly tookMs: number
}

export type Comparison = {
  entries: number
  readonly wrong: (Difference & { readonly healed: boolean })[]
  /** Numbers of the source that no counter can be. */
  readonly beyond: Difference[]
  readonly unproved: Set<string>
}

export function jsonOf(found: readonly Outcome<Verified>[]): string {
  const views = found.map(({ result, ...of }) => ({ ...of, ...(result && plainOf(result)) }))
  return JSON.stringify({ views })
}

function plainOf({ complete, tookMs, comparison: { entries, wrong, beyond, unproved } }: Verified) {
  return {
    complete,
    tookMs: Math.round(tookMs),
    entries,
    wrong: wrong.map(({ key, expected, found, healed, ...of }) => ({
      key,
      field: nameOfField(of),
      expected,
      found,
      healed,
    })),
    beyond,
    unproved: [...unproved],
  }
}

export function isRight({ result }: Outcome<Verified>, heals: boolean): boolean {
  if (!result) return false
  const { wrong, beyond, unproved } = result.comparison
  const left = heals ? wrong.filter(({ healed }) => !healed).length : wrong.length
  return left + beyond.length + unproved.size === 0
}

/** Of several views. */
export function summaryOf(found: readonly Outcome<Verified>[], heals: boolean): string {
  const others = found.filter((each) => !isRight(each, heals)).map(({ view }) => view)
  if (others.length === 0) return `all ${found.length} views are right`
  return `${found.length - others.length} of ${found.length} views are right, not ${others.join(', ')}`
}

export function linesOf(
  { comparison, complete, tookMs }: Verified,
  heals: boolean,
): readonly string[] {
  const { entries, wrong, beyond, unproved } = comparison
  const differing = new Set(wrong.map(({ key }) => key)).size
  const seconds = tookMs / 1_000
  return [
    ...(complete
      ? []
      : ['it is being built, or a declaration is brought in: what is not put in yet differs']),
    ...namedOf(wrong, differenceLine),
    ...namedOf(beyond, beyondLine),
    ...[...unproved].map(
      (table) =>
        `not told: what comes of ${table}, for a partition of its topic stands still (GET /status)`,
    ),
    `${entries} entries compared in ${seconds.toFixed(1)} s (${Math.round(entries / seconds)}/s): ` +
      `${differing} entries differ (${wrong.length} values)${heals && differing > 0 ? ', corrected' : ''}`,
  ]
}

function namedOf<Each>(found: readonly Each[], lineOf: (each: Each) => string): readonly string[] {
  const more = found.length - namedMax
  const named = found.slice(0, namedMax).map(lineOf)
  return more > 0 ? [...named, `… and ${more} more`] : named
}

function beyondLine({ key, field, expected, found }: Difference): string {
  return (
    `can't be held: ${key} ${field}: SQL says ${expected}, which no integer of 64 bits is; ` +
    `the view says ${found ?? 'nothing'}`
  )
}

function differenceLine({ key, expected, found, healed, ...of }: Comparison['wrong'][number]) {
  const what = of.field === '*' ? key : `${key} ${nameOfField(of)}`
  const end = healed ? ', corrected' : ''
  return `differs: ${what}: SQL says ${expected ?? 'nothing'}, the view says ${found ?? 'nothing'}${end}`
}
