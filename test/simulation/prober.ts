/**
 * Looks of its own, beside those of the reconciler: each verdict is held against what the oracle
 * knew at the moment at which the entries were read.
 */
import { MillraceError } from '../../src/errors.ts'
import { judgeSheets, takeSheet } from '../../src/reconcile/look.ts'
import type { Plan } from '../../src/reconcile/plan.ts'
import type { LookQuestion } from '../../src/store/audit.ts'
import type { Mismatch } from './oracle.ts'
import type { Worker } from './worker.ts'
import type { World } from './world.ts'

export async function prober(worker: Worker, signal: AbortSignal): Promise<void> {
  const { world, process, watch } = worker
  const { random } = world
  while (!signal.aborted) {
    await process.clock.sleep(random.prober.between(2_000, 12_000), signal)
    const { state } = watch
    if (signal.aborted || state?.fingerprint === undefined) continue
    try {
      const probed = probedPlan(world, worker.plans.reconcile(state))
      await probe(world, probed, signal)
    } catch (error) {
      if (!(error instanceof MillraceError)) throw error
      world.count(`a look was given up: ${error.code}`)
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

async function probe(world: World, { plan, seen }: Probed, signal: AbortSignal): Promise<void> {
  const { random } = world
  const keys = world.someKeys(random.prober)
  const page = random.prober.chance(0.3)
    ? ({ kind: 'range', after: undefined, keysMax: 100 } as const)
    : ({ kind: 'keys', keys } as const)
  const sheet = await takeSheet(plan, page)
  const { verdicts, unproved } = await judgeSheets(plan, [sheet], { ticket: undefined, signal })
  world.count('an entry was judged', verdicts.size)
  for (const [key, verdict] of verdicts) {
    const known = seen.get(key)
    const fields = verdict.kind === 'wrong' ? verdict.differences.map(({ field }) => field) : []
    const wrong = fields.map((field) => (plan.layout.counts.includes(field) ? field : 'row'))
    if (known) compare(world, { key, wrong: new Set(wrong), unproved }, known)
  }
}

type Judged = {
  readonly key: string
  readonly wrong: ReadonlySet<string>
  readonly unproved: ReadonlySet<string>
}

function compare(
  world: World,
  { key, wrong, unproved }: Judged,
  { mismatches, right }: Known,
): void {
  for (const component of wrong) {
    if (right.has(component))
      world.fail(`a look called ${key} ${component} wrong, and it was right`)
  }
  for (const { component, table, excuse, expected, found } of mismatches) {
    if (unproved.has(table) || excuse !== 'planted') continue
    if (wrong.has(component)) world.count('a look found a planted error')
    else world.fail(`a look missed a planted error: ${key} ${component} ${expected}, not ${found}`)
  }
}
