/** The role `explain`: what touched one entry, and whether it is right now. */
import { parseArgs } from 'node:util'
import { identityOf, type Decoded, type LogRecord } from '../change.ts'
import { recordsBelow } from '../consume/records-below.ts'
import type { Config } from '../config.ts'
import { describe, MillraceError } from '../errors.ts'
import type { Mutation } from '../mutation.ts'
import { formatLsn, parseTopicPartition, type KafkaOffset } from '../position.ts'
import { judgeSheets, takeSheet } from '../reconcile/look.ts'
import { decodePass } from '../reconcile/pass-state.ts'
import type { Plan } from '../reconcile/plan.ts'
import type { Checkpoint, ViewState } from '../store/state.ts'
import { fold } from '../view/fold.ts'
import { withLooks } from './with-looks.ts'

export const explainUsage = `usage: node src/main.ts explain KEY [--all] [--store NAME]

Shows the changes of the log that touched one entry, what of them was left out and why, and compares
the entry with SQL.

  --all     reads the topics from their beginnings, not only from the oldest barrier on
  --store   redis or postgres, of those in MILLRACE_STORES
`

export async function runExplain(
  args: readonly string[],
  config: Config,
  signal: AbortSignal,
): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { store: { type: 'string' }, all: { type: 'boolean', default: false } },
    allowPositionals: true,
  })
  const [key, ...more] = positionals
  if (key === undefined || more.length > 0) {
    throw new MillraceError('arguments', 'explain takes the key of one entry', {
      hint: explainUsage,
    })
  }
  const options = { config, role: 'explain', named: values.store, signal }
  return withLooks(options, async ({ plan, state, own, store, signal: over }) => {
    say(`${own.view.name} ${key} in ${store.name}`)
    await tellHistory(plan, key, { all: values.all, signal: over })
    tellFindings(state, key)
    return tellVerdict(plan, key, over)
  })
}

type HistoryOptions = { readonly all: boolean; readonly signal: AbortSignal }

async function tellHistory(
  plan: Plan,
  key: string,
  { all, signal }: HistoryOptions,
): Promise<void> {
  const checkpoints = await plan.writer.checkpoints(plan.epoch)
  const oldest = plan.watch.barriers[0]
  const touches: Touch[] = []
  await Promise.all(
    [...checkpoints].map(async ([name, checkpoint]) => {
      const known = plan.tableOf(parseTopicPartition(name).topic)
      if (!known) return
      const reader = plan.changeLog.reader(parseTopicPartition(name), signal)
      const { start } = await reader.bounds()
      const since = all ? start : (oldest?.from.get(name) ?? start)
      const from = since > start ? since : start
      const seen = new Map<string, KafkaOffset>()
      for await (const { records } of recordsBelow(reader, from, checkpoint.next)) {
        for (const record of records) {
          const answer = await decodedBy(() => known.decoder.decode(record))
          const touch = touchOf(plan, key, { record, answer, name, seen, checkpoint })
          if (touch) touches.push(touch)
        }
      }
    }),
  )
  touches.sort((a, b) => a.timestampMs - b.timestampMs || a.line.localeCompare(b.line))
  for (const { line } of touches) say(line)
  const since = all
    ? 'the beginning of the topics'
    : 'the oldest barrier that is kept (--all: more)'
  say(`${touches.length} changes since ${since}`)
}

type Touch = { readonly timestampMs: number; readonly line: string }

type Found = {
  readonly record: LogRecord
  readonly answer: Decoded | string
  readonly name: string
  /** Offsets at which changes were first met, by identity. */
  readonly seen: Map<string, KafkaOffset>
  readonly checkpoint: Checkpoint
}

function touchOf(
  plan: Plan,
  key: string,
  { record, answer, name, seen }: Found,
): Touch | undefined {
  const { offset, timestampMs } = record
  const at = `${new Date(timestampMs).toISOString()} ${name} offset ${offset}`
  if (typeof answer === 'string') return undefined
  if (answer.kind !== 'change' || answer.change.kind === 'read') return undefined
  const { change } = answer
  const folded = fold(plan.view, change)
  const where = `${at} LSN ${formatLsn(change.lsn)} transaction ${change.transaction} ${change.kind} of ${change.table}`
  const identity = identityOf(change)
  const first = seen.get(identity)
  if (first === undefined) seen.set(identity, offset)
  if (folded.kind === 'unusable') {
    const names = Object.values(change.key).map(String)
    if (!names.includes(key)) return undefined
    return { timestampMs, line: `${where}: left out, ${folded.reason}` }
  }
  const mine = folded.contributions.filter(({ entry }) => entry === key)
  if (mine.length === 0) return undefined
  const gave = mine.map(contributionText).join(', ')
  const skipped = first === undefined ? '' : ` (left out: it stands at offset ${first} already)`
  return { timestampMs, line: `${where}: ${gave}${skipped}` }
}

function contributionText({ put, add }: Mutation): string {
  const amounts = Object.entries(add).map(([name, by]) => `${name} ${by > 0n ? '+' : ''}${by}`)
  if (put === undefined) return amounts.join(' ')
  return put === null ? 'removes the row' : 'puts the row'
}

function tellFindings(state: ViewState, key: string): void {
  for (const { reason, keys } of state.doubts) {
    if (keys.length === 0 || keys.includes(key)) say(`in doubt: ${reason}`)
  }
  const latest = decodePass(state.pass)?.statistics.latest ?? []
  for (const { field, expected, found, atMs, healed, key: wrong } of latest) {
    if (wrong !== key) continue
    const end = healed ? 'corrected' : 'not corrected'
    say(`${new Date(atMs).toISOString()} a look found ${field} ${found}, not ${expected}: ${end}`)
  }
}

async function tellVerdict(plan: Plan, key: string, signal: AbortSignal): Promise<number> {
  const sheet = await takeSheet(plan, { kind: 'keys', keys: [key] })
  const { verdicts, unproved } = await judgeSheets(plan, [sheet], { ticket: undefined, signal })
  const verdict = verdicts.get(key)!
  const { snapshot } = sheet.truth
  say(
    `compared at snapshot ${snapshot.xmin}:${snapshot.xmax}: SQL had ${sheet.truth.entries.get(key) ?? 'nothing'}`,
  )
  for (const table of unproved) say(`not told: what comes of ${table}`)
  if (verdict.kind === 'right') {
    say('right: the entry is what SQL says')
    return 0
  }
  if (verdict.kind === 'unreadable') say('wrong: what lies there is no entry')
  else {
    for (const { field, expected, found } of verdict.differences) {
      say(`wrong: ${field} is ${found ?? 'nothing'}, SQL says ${expected ?? 'nothing'}`)
    }
  }
  return 1
}

async function decodedBy(decode: () => Decoded | Promise<Decoded>): Promise<Decoded | string> {
  try {
    return await decode()
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error
    return describe(error)
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
