/** The command `verify`: every entry of the views against SQL, each judged exactly, under any traffic. */
import { flag, type Given } from '../arguments.ts'
import { systemClock } from '../clock.ts'
import { printLine } from '../print-line.ts'
import type { Project } from '../project/project.ts'
import { heal, type HealOptions, type Healed } from '../reconcile/heal.ts'
import { healKeys } from '../reconcile/heal-keys.ts'
import { ComparedKeys } from '../reconcile/compared-keys.ts'
import { nextKeys, type KeysAt } from '../reconcile/key-pages.ts'
import type { Sheet } from '../reconcile/look.ts'
import { verifyPace } from '../reconcile/pace.ts'
import type { Plan } from '../reconcile/plan.ts'
import { anchorOfSheet } from '../reconcile/steps.ts'
import { walk, type Pace } from '../reconcile/walk.ts'
import { chosenViews, opening } from './chosen.ts'
import { eachView } from './each-view.ts'
import { jsonOption, storeOption, viewOption } from './options.ts'
import { isRight, jsonOf, linesOf, summaryOf, type Comparison, type Verified } from './verified.ts'
import { withLooks, type Looking } from './with-looks.ts'

export const verifyCommand = {
  call: 'millrace verify',
  about: `Compares every entry of every view with SQL over the source and says what differs. Needs a
running worker, which takes the barriers that make the comparison exact.`,
  options: {
    heal: flag('corrects what differs, by its exact amount'),
    view: viewOption,
    store: storeOption,
    json: jsonOption,
  },
  more: 'Exits with 0 when all is right, 1 when something differed or could not be told.',
} as const

const sayEveryMs = 2_000
const viewsAtOnce = 4
/** Keys that are not compared twice: some 50 bytes each. */
const knownMax = 2_000_000

export async function runVerify(
  { values }: Given<(typeof verifyCommand)['options']>,
  project: Project,
  signal: AbortSignal,
): Promise<number> {
  const views = chosenViews(project, values.view)
  const store = opening(project, values.store, 'verify')
  const { name } = store
  const tell = values.json ? () => undefined : printLine
  // Most of a comparison is waiting for barriers. What several say at once nobody could read.
  const several = views.length > 1
  const progress = several ? () => undefined : tell
  const found = await withLooks({ ...store, signal }, (look) =>
    eachView(
      { views, store: name, signal, atOnce: viewsAtOnce },
      {
        work: (view) =>
          look(view, (looking) => verified(looking, { correct: values.heal, say: progress })),
        done: (result, view) => {
          if (several) tell(`${view.name} in ${name}`)
          for (const line of linesOf(result, values.heal)) tell(line)
        },
      },
    ),
  )
  if (values.json) printLine(jsonOf(found))
  else if (several) printLine(summaryOf(found, values.heal))
  return found.some((each) => !isRight(each, values.heal)) ? 1 : 0
}

async function verified(looking: Looking, options: CompareOptions): Promise<Verified> {
  const { plan, store, own, state, signal } = looking
  options.say(`comparing ${own.view.name} in ${store.name} with SQL`)
  const complete = state.declarations.every((each) => each.complete)
  const startedMs = systemClock.monotonicMs()
  const comparison = await compareAll(plan, options, signal)
  const tookMs = systemClock.monotonicMs() - startedMs
  return { comparison, complete, tookMs }
}

export type CompareOptions = {
  readonly correct: boolean
  readonly say: (line: string) => void
}

/** Every entry: in the source's order, then as a lap that ends doubts goes on. */
export async function compareAll(
  plan: Plan,
  options: CompareOptions,
  signal: AbortSignal,
): Promise<Comparison> {
  const result: Comparison = { entries: 0, wrong: [], beyond: [], unproved: new Set() }
  const progress = progressOf(options.say)
  const healing = healingOf({ ...options, result, progress }, signal)
  const known = new ComparedKeys(knownMax)
  let begun: Pick<KeysAt, 'anchor' | 'since'> | undefined
  const walking = { after: undefined, pace: verifyPace, ticket: () => undefined, signal }
  await walk(plan, walking, async ({ sheets, judgement }) => {
    begun ??= begunBy(plan, sheets[0]!)
    add(result, await heal(plan, judgement, healing))
    for (const { keys } of sheets) {
      result.entries += keys.length
      known.add(keys)
    }
    progress(`${result.entries} entries compared`)
    return true
  })
  await compareOthers(plan, { ...options, ...begun!, result, progress, known }, signal)
  return result
}

function healingOf(
  { correct, result, progress }: Pick<OthersOptions, 'correct' | 'result' | 'progress'>,
  signal: AbortSignal,
): HealOptions {
  let items = 0
  const rest: Pace['rest'] = (cost, each) => {
    items += cost.rows
    progress(`${result.entries} entries and ${items} rows of large tallies compared`)
    return verifyPace.rest(cost, each)
  }
  const corrected = () => Promise.resolve()
  return {
    atOnce: false,
    correct,
    ticket: undefined,
    pace: { ...verifyPace, rest },
    corrected,
    signal,
  }
}

function add(result: Comparison, { wrong, unproved, beyond }: Healed): void {
  result.wrong.push(...wrong)
  result.beyond.push(...beyond)
  for (const table of unproved) result.unproved.add(table)
}

/** What the keys that come later have to know of the first look. */
function begunBy(plan: Plan, first: Sheet): Pick<KeysAt, 'anchor' | 'since'> {
  const { number, from } = anchorOfSheet(plan, first)
  return { anchor: { number, from: new Map(from) }, since: String(first.truth.snapshot.xmin) }
}

type OthersOptions = CompareOptions &
  Pick<KeysAt, 'anchor' | 'since'> & {
    readonly result: Comparison
    readonly progress: (line: string) => void
    readonly known: ComparedKeys
  }

async function compareOthers(
  plan: Plan,
  { correct, result, anchor, since, progress, known }: OthersOptions,
  signal: AbortSignal,
): Promise<void> {
  const healing = healingOf({ correct, result, progress }, signal)
  const begin = { kind: 'doubt', section: 'store', after: null, anchor, since } as const
  let at: KeysAt = { ...begin, unread: new Map() }
  let read = 0
  for (;;) {
    const page = await nextKeys(plan, at, { known, signal, goesOn: () => !signal.aborted })
    if (page === 'lost') {
      at = { ...at, after: null }
      continue
    }
    add(result, await healKeys(plan, page.keys, healing))
    result.entries += page.keys.length
    known.add(page.keys)
    read += page.read
    progress(`${read} keys of the store and changes looked through`)
    if (page.next === undefined) return
    at = { ...at, ...page.next }
  }
}

function progressOf(to: (line: string) => void): (line: string) => void {
  let saidMs = systemClock.monotonicMs()
  return (line) => {
    const nowMs = systemClock.monotonicMs()
    if (nowMs - saidMs < sayEveryMs) return
    saidMs = nowMs
    to(`  ${line}`)
  }
}
