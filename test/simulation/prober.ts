/**
 * Looks of its own, beside those of the reconciler: each verdict is held against what the oracle
 * knew at the moment at which the entries were read.
 */
import { MillraceError } from '../../src/errors.ts'
import type { Difference, Verdict } from '../../src/reconcile/judge.ts'
import { judgeSheets, takeSheet } from '../../src/reconcile/look.ts'
import type { Plan } from '../../src/reconcile/plan.ts'
import type { KeepViewParts } from '../../src/roles/keep-view.ts'
import { Plans } from '../../src/roles/plans.ts'
import type { LookQuestion } from '../../src/store/audit.ts'
import { ViewWatch } from '../../src/store/view-watch.ts'
import type { Mismatch } from './oracle.ts'
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
type Known = { readonly mismatches: readonly Mismatch[]; readonly right: ReadonlySet<string> }

type Probed = { readonly plan: Plan; readonly seen: ReadonlyMap<string, Known> }

function probedPlan({ store, oracle }: World, plan: Plan): Probed {
  const seen = new Map<string, Known>()
  const { audit } = plan
  const look = (question: LookQuestion) => {
    store.onLook.set(question, () => {
      for (const key of question.keys) {
        const right = oracle.rightComponents(key)
        seen.set(key, { mismatches: oracle.mismatches([key]), right })
      }
    })
    return audit.look(question)
  }
  return { plan: { ...plan, audit: { ...plan.audit, look } }, seen }
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
  const { verdicts, unproved } = await judgeSheets(plan, [sheet], { ticket: undefined, signal })
  world.count('an entry was judged', verdicts.size)
  for (const [key, verdict] of verdicts) {
    const known = seen.get(key)
    const wrong = new Map<string, Difference[]>()
    for (const each of verdict.kind === 'wrong' ? verdict.differences : []) {
      const component = plan.layout.counts.includes(each.field) ? each.field : 'row'
      wrong.set(component, [...(wrong.get(component) ?? []), each])
    }
    if (known) compare(world, { key, wrong, unproved, verdict }, known)
  }
}

type Judged = {
  readonly key: string
  /** What was reported, by component. */
  readonly wrong: ReadonlyMap<string, readonly Difference[]>
  readonly verdict: Verdict
  readonly unproved: ReadonlySet<string>
}

function compare(
  world: World,
  { key, wrong, unproved, verdict }: Judged,
  { mismatches, right }: Known,
): void {
  for (const component of wrong.keys()) {
    if (right.has(component))
      world.fail(`a look called ${key} ${component} wrong, and it was right`)
  }
  for (const mismatch of mismatches) {
    const { component, table, excuse, expected, found } = mismatch
    if (unproved.has(table) || excuse !== 'planted') continue
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
  if (difference?.expected !== expected || (difference.found ?? '0') !== found) return false
  if (verdict.kind !== 'wrong') return false
  return verdict.correction.add[component] === BigInt(expected) - BigInt(found)
}

function kindOf({ component, expected, found }: Mismatch): string {
  if (component !== 'row') return 'count'
  if (expected === 'none') return 'phantom'
  return found === 'none' ? 'missing row' : 'text'
}

function withoutNumbers({ message }: MillraceError): string {
  return message.replaceAll(/\d+/g, 'n')
}
