/** The command `explain`: what touched one entry, and whether it is right now. */
import { flag, text, type Given } from '../arguments.ts'
import { identityOf, type Decoded, type LogRecord } from '../change.ts'
import { withLogReader } from '../consume/log-reader.ts'
import { recordsBelow } from '../consume/records-below.ts'
import { MillraceError } from '../errors.ts'
import type { Mutation } from '../mutation.ts'
import { formatLsn, parseTopicPartition, type KafkaOffset } from '../position.ts'
import { printLine } from '../print-line.ts'
import type { Project } from '../project/project.ts'
import { healLarge } from '../reconcile/heal.ts'
import { nameOfField, type Difference } from '../reconcile/judge.ts'
import { judgeSheets, takeSheet } from '../reconcile/look.ts'
import { verifyPace } from '../reconcile/pace.ts'
import { decodePass } from '../reconcile/pass-state.ts'
import type { Plan } from '../reconcile/plan.ts'
import type { Barrier, ViewState } from '../store/state.ts'
import { fold } from '../view/fold.ts'
import { parseKey, spelledRule } from '../web/entry-key.ts'
import { chosenView, opening } from './chosen.ts'
import {
  linesOf,
  shownEntry,
  type Explained,
  type Finding,
  type Touch,
  type Verdict,
} from './explained.ts'
import { jsonOption, storeOption } from './options.ts'
import { withLooks, type Looking } from './with-looks.ts'

export const explainCommand = {
  call: 'millrace explain',
  operands: ['KEY'],
  about: `Shows the changes of the log that touched one entry, what of them was left out and why, and compares
the entry with SQL.`,
  options: {
    all: flag('reads the topics from their beginnings, not only the last hour or two'),
    view: text('NAME', 'the view of the entry, where several are declared'),
    store: storeOption,
    json: jsonOption,
  },
  more: 'Exits with 0 when the entry is right, 1 when it is not.',
} as const

const shownMs = 3_600_000

export async function runExplain(
  { values, operands }: Given<(typeof explainCommand)['options']>,
  project: Project,
  signal: AbortSignal,
): Promise<number> {
  const key = operands[0]!
  const view = chosenView(project, values.view)
  const store = opening(project, values.store, 'explain')
  const explained = await withLooks({ ...store, signal }, (look) =>
    look(view, (looking) => explainedOf(looking, { key, all: values.all })),
  )
  printLine(values.json ? JSON.stringify(explained) : linesOf(explained).join('\n'))
  return explained.verdict === 'right' || explained.verdict === 'too old' ? 0 : 1
}

async function explainedOf(
  { plan, state, own, store, signal }: Looking,
  { key, all }: { readonly key: string; readonly all: boolean },
): Promise<Explained> {
  return {
    view: own.view.name,
    key,
    ...(parseKey(own.view, key) === undefined && { noKey: spelledRule(own.view) }),
    store: store.name,
    since: all ? 'beginning' : 'barrier',
    touches: await touchesOf(plan, key, { all, signal }),
    doubts: doubtsOf(state, key),
    findings: findingsOf(state, key),
    ...(await verdictOf(plan, key, signal)),
  }
}

type TouchesOptions = { readonly all: boolean; readonly signal: AbortSignal }

async function touchesOf(
  plan: Plan,
  key: string,
  { all, signal }: TouchesOptions,
): Promise<readonly Touch[]> {
  const checkpoints = await plan.writer.checkpoints(plan.epoch)
  const begin = beginOf(plan.watch.barriers)
  const touches: Touch[] = []
  await Promise.all(
    [...checkpoints].map(async ([name, checkpoint]) => {
      const known = plan.tableOf(parseTopicPartition(name).topic)
      if (!known) return
      const partition = parseTopicPartition(name)
      await withLogReader(plan.changeLog, { partition, signal }, async (reader) => {
        const { start } = await reader.bounds()
        const since = all ? start : (begin?.from.get(name) ?? start)
        const from = since > start ? since : start
        const seen = new Map<string, KafkaOffset>()
        for await (const { records } of recordsBelow(reader, from, checkpoint.next)) {
          for (const record of records) {
            const answer = await decodedBy(() => known.decoder.decode(record))
            const touch = answer && touchOf(plan, key, { record, answer, name, seen })
            if (touch) touches.push(touch)
          }
        }
      })
    }),
  )
  return touches.toSorted(
    (a, b) => compareTexts(a.at, b.at) || compareTexts(placeOf(a), placeOf(b)),
  )
}

/** The newest barrier that is an hour older than the last one, or the oldest that is kept. */
export function beginOf(barriers: readonly Barrier[]): Barrier | undefined {
  const until = (barriers.at(-1)?.takenAtMs ?? 0) - shownMs
  return barriers.findLast(({ takenAtMs }) => takenAtMs <= until) ?? barriers[0]
}

function placeOf({ partition, offset }: Touch): string {
  return `${partition} ${offset.padStart(20, '0')}`
}

function compareTexts(a: string, b: string): number {
  return Number(a > b) - Number(a < b)
}

type Found = {
  readonly record: LogRecord
  readonly answer: Decoded
  readonly name: string
  /** Offsets at which changes of the entry were first met, by identity. */
  readonly seen: Map<string, KafkaOffset>
}

function touchOf(
  plan: Plan,
  key: string,
  { record, answer, name, seen }: Found,
): Touch | undefined {
  if (answer.kind !== 'change' || answer.change.kind === 'read') return undefined
  const { change } = answer
  const folded = fold(plan.view, change)
  const place = {
    at: new Date(record.timestampMs).toISOString(),
    partition: name,
    offset: String(record.offset),
    lsn: formatLsn(change.lsn),
    transaction: String(change.transaction),
    operation: change.kind,
    table: change.table,
  }
  if (folded.kind === 'unusable') {
    const names = Object.values(change.key).map(String)
    if (!names.includes(key)) return undefined
    return { ...place, gave: [], leftOut: folded.reason }
  }
  const mine = folded.contributions.filter(({ entry }) => entry === key)
  if (mine.length === 0) return undefined
  const identity = identityOf(change)
  const first = seen.get(identity)
  if (first === undefined) seen.set(identity, record.offset)
  const leftOut = first === undefined ? null : `it stands at offset ${first} already`
  return { ...place, gave: mine.map(gaveOf), leftOut }
}

function gaveOf({ put, add, cells }: Mutation): Touch['gave'][number] {
  const items = [...(cells ?? [])].flatMap(([field, given]) =>
    [...given].map(([item, by]) => [nameOfField({ field, item }), String(by)]),
  )
  const amounts = [...Object.entries(add).map(([name, by]) => [name, String(by)]), ...items]
  const row = put === undefined ? null : put === null ? 'removed' : 'put'
  return { row, amounts: Object.fromEntries(amounts) as Readonly<Record<string, string>> }
}

function doubtsOf(state: ViewState, key: string): readonly string[] {
  const about = state.doubts.filter(({ keys }) => keys.length === 0 || keys.includes(key))
  return about.map(({ reason }) => reason)
}

function findingsOf(state: ViewState, key: string): readonly Finding[] {
  const latest = decodePass(state.pass)?.statistics.latest ?? []
  return latest
    .filter((each) => each.key === key)
    .map(({ field, expected, found, atMs, healed }) => ({
      at: new Date(atMs).toISOString(),
      field,
      expected: expected ?? null,
      found: found ?? null,
      healed,
    }))
}

/** Of one entry, compared now. */
export async function verdictOf(plan: Plan, key: string, signal: AbortSignal): Promise<Verdict> {
  const sheet = await takeSheet(plan, { kind: 'keys', keys: [key] })
  const judgement = await judgeSheets(plan, [sheet], { ticket: undefined, signal })
  const only = {
    atOnce: false,
    correct: false,
    pace: verifyPace,
    corrected: () => Promise.resolve(),
    signal,
  }
  const items = await healLarge(plan, judgement.large, only)
  const verdict = judgement.verdicts.get(key) ?? ({ kind: 'too old' } as const)
  const { snapshot, entries } = sheet.truth
  const wrong = [...(verdict.kind === 'wrong' ? verdict.differences : []), ...items.wrong]
  const isRight = wrong.length === 0 && judgement.beyond.length === 0
  const sql = entries.get(key)
  return {
    snapshot: `${snapshot.xmin}:${snapshot.xmax}`,
    sql: sql === undefined ? null : shownEntry(plan.layout, sql),
    unproved: [...new Set([...judgement.unproved, ...items.unproved])],
    verdict: verdict.kind === 'right' && !isRight ? 'wrong' : verdict.kind,
    differences: wrong.map(named),
    beyond: judgement.beyond.map(named),
  }
}

function named({ expected, found, ...of }: Difference) {
  return { field: nameOfField(of), expected, found }
}

async function decodedBy(decode: () => Decoded | Promise<Decoded>): Promise<Decoded | undefined> {
  try {
    return await decode()
  } catch (error) {
    if (error instanceof MillraceError) return undefined
    throw error
  }
}
