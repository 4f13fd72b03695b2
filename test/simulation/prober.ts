/**
 * Looks of its own, beside those of the reconciler: each verdict is held against what the oracle
 * knew at the moment at which the entries were read.
 */
import { MillraceError } from '../../src/errors.ts'
import type { ViewLayout } from '../../src/mutation.ts'
import type { Difference, Verdict } from '../../src/reconcile/judge.ts'
import { judgeItems, takeItemSheet } from '../../src/reconcile/items.ts'
import { judgeSheets, takeSheet, type LargeTally } from '../../src/reconcile/look.ts'
import type { Plan } from '../../src/reconcile/plan.ts'
import type { KeepViewParts } from '../../src/roles/keep-view.ts'
import { Plans } from '../../src/roles/plans.ts'
import type { LookQuestion } from '../../src/store/audit.ts'
import type { ItemsQuestion } from '../../src/store/tallies.ts'
import { ViewWatch } from '../../src/store/view-watch.ts'
import { componentOf, type Components, type Mismatch } from './oracle.ts'
import type { Process } from './process.ts'
import type { World } from './world.ts'

const watchEveryMs = 250

export type ProberParts = KeepViewParts & { readonly world: World; readonly process: Process }

export async function prober(parts: ProberParts, signal: AbortSignal): Promise<void> {
  const { store, process, log } = parts
  const watch = new ViewWatch(store.watchable, process.clock, log)
  await Promise.all([watch.run(watchEveryMs, signal), probeAllTheTime(parts, watch, signal)])
}

async function probeAllTheTime(
  parts: ProberParts,
  watch: ViewWatch,
  signal: AbortSignal,
): Promise<void> {
  const { world, process } = parts
  const { random } = world
  const plans = new Plans({ ...parts, watch })
  let planted: string | undefined
  let wake = new AbortController()
  world.onPlanted.add((key) => {
    planted = key
    wake.abort()
  })
  while (!signal.aborted) {
    // An error that was planted is looked at before the reconciler has put it right.
    const woken = AbortSignal.any([signal, wake.signal])
    await process.clock.sleep(random.prober.between(2_000, 12_000), woken)
    const asked = planted
    planted = undefined
    wake = new AbortController()
    const { state } = watch
    if (signal.aborted || state?.fingerprint === undefined) continue
    try {
      const probed = probedPlan(world, plans.reconcile(state))
      await probe(world, probed, asked, signal)
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error
      world.count(`a look was given up: ${error.code}`)
      if (error.code === 'look-void') world.count(`a look was void: ${withoutNumbers(error)}`)
    }
  }
}

/** What the oracle said of an entry when it was read. */
type Known = {
  readonly mismatches: readonly Mismatch[]
  readonly right: Components
  readonly isBelow: boolean
}

type Probed = { readonly plan: Plan; readonly seen: ReadonlyMap<string, Known> }

function probedPlan({ store, oracle }: World, plan: Plan): Probed {
  const seen = new Map<string, Known>()
  const { audit, tallies } = plan
  const note = (question: object, keys: readonly string[]) =>
    store.onLook.set(question, () => {
      for (const key of keys) {
        const right = oracle.rightComponents(key)
        const isBelow = oracle.isBelow(key)
        seen.set(key, { mismatches: oracle.mismatches([key]), right, isBelow })
      }
    })
  const look = (question: LookQuestion) => {
    note(question, question.keys)
    return audit.look(question)
  }
  const lookAtItems = (question: ItemsQuestion) => {
    note(question, [question.entry])
    return tallies.look(question)
  }
  const scan: Plan['tallies']['scan'] = (...all) => tallies.scan(...all)
  const noting = { audit: { ...audit, look }, tallies: { look: lookAtItems, scan } }
  return { plan: { ...plan, ...noting }, seen }
}

async function probe(
  world: World,
  { plan, seen }: Probed,
  planted: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { random } = world
  const some = world.someKeys(random.prober)
  const keys = planted === undefined ? some : [...new Set([...some, planted])]
  const page = random.prober.chance(0.3)
    ? ({ kind: 'range', after: undefined, keysMax: 100 } as const)
    : ({ kind: 'keys', keys } as const)
  const sheet = await takeSheet(plan, page)
  const judgement = await judgeSheets(plan, [sheet], { ticket: undefined, signal })
  const { verdicts, unproved } = judgement
  world.count('an entry was judged', verdicts.size)
  for (const [key, verdict] of verdicts) {
    const known = seen.get(key)
    if (known?.isBelow) world.fail(`a look judged ${key}, which is below the bound`)
    const wrong = new Map<string, Difference[]>()
    for (const each of verdict.kind === 'wrong' ? verdict.differences : []) {
      const component = componentIn(plan.layout, each)
      wrong.set(component, [...(wrong.get(component) ?? []), each])
    }
    const large = verdict.kind === 'unreadable' ? [] : (verdict.large ?? [])
    const isTold = (component: string) => !large.some((name) => component.startsWith(`${name}[`))
    if (known) compare(world, { key, wrong, unproved, verdict, isTold }, known)
  }
  for (const of of judgement.large) await probeItems(world, { plan, seen }, of, signal)
}

/** All items of a tally that source or store have, at one moment of the store. */
async function probeItems(
  world: World,
  { plan, seen }: Probed,
  { entry, tally }: LargeTally,
  signal: AbortSignal,
): Promise<void> {
  const { keys: items } = await plan.tallies.scan(entry, tally, undefined)
  const sheet = await takeItemSheet(plan, { entry, tally, kind: 'items', items })
  const { wrong: found, unproved } = await judgeItems(plan, [sheet], { ticket: undefined, signal })
  world.count('a large tally was judged item by item')
  const verdict = { kind: 'wrong', ...nothing, ...found.get(sheet) } as const
  const wrong = Map.groupBy(verdict.differences, (each) => componentIn(plan.layout, each))
  const among = new Set(items.map((item) => componentOf(tally, item)))
  const isTold = (component: string) => among.has(component)
  const known = seen.get(entry)!
  if (known.isBelow) {
    world.count('a large tally came to be below the bound before it was judged')
    if (wrong.size > 0) world.fail(`a look called ${entry} ${tally} wrong, below the bound`)
  }
  compare(world, { key: entry, wrong, unproved, verdict, isTold }, known)
}

const nothing = { differences: [], correction: { entry: '', put: undefined, add: {} } }

function componentIn({ counts }: ViewLayout, { field, item }: Difference): string {
  if (item !== undefined) return componentOf(field, item)
  return counts.includes(field) ? field : 'row'
}

type Judged = {
  readonly key: string
  /** What was reported, by component. */
  readonly wrong: ReadonlyMap<string, readonly Difference[]>
  readonly verdict: Verdict
  readonly unproved: ReadonlySet<string>
  /** Whether the look was about this component. */
  readonly isTold: (component: string) => boolean
}

function compare(
  world: World,
  { key, wrong, unproved, verdict, isTold }: Judged,
  { mismatches, right }: Known,
): void {
  for (const component of wrong.keys()) {
    if (right.has(component))
      world.fail(`a look called ${key} ${component} wrong, and it was right`)
  }
  for (const mismatch of mismatches) {
    const { component, table, excuse, expected, found } = mismatch
    if (unproved.has(table) || excuse !== 'planted' || !isTold(component)) continue
    const reported = wrong.get(component)
    const planted = `${key} ${component} ${expected}, not ${found}`
    if (!reported) world.fail(`a look missed a planted error: ${planted}`)
    else if (!isExact(mismatch, reported, verdict)) {
      world.fail(`a look reported ${JSON.stringify(reported)} for a planted error: ${planted}`)
    } else world.count(`a look found a planted ${kindOf(mismatch)}`)
  }
}

/** Whether the look has said what the entry must be and what it is, and would add the difference. */
function isExact(
  { component, expected, found }: Mismatch,
  reported: readonly Difference[],
  verdict: Verdict,
): boolean {
  if (component === 'row') {
    const whole = expected === 'none' || found === 'none'
    return reported.some(({ field }) => field === '*') === whole
  }
  const [difference] = reported
  if (!difference || (difference.expected ?? '0') !== expected) return false
  if ((difference.found ?? '0') !== found || verdict.kind !== 'wrong') return false
  const { field, item } = difference
  const { add, cells } = verdict.correction
  const by = item === undefined ? add[component] : cells?.get(field)?.get(item)
  return by === BigInt(expected) - BigInt(found)
}

function kindOf({ component, expected, found }: Mismatch): string {
  if (component !== 'row') return component.includes('[') ? 'cell' : 'count'
  if (expected === 'none') return 'phantom'
  return found === 'none' ? 'missing row' : 'text'
}

function withoutNumbers({ message }: MillraceError): string {
  return message.replaceAll(/\d+/g, 'n')
}
