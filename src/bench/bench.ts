import type { Config } from '../config.ts'
import { duration, text, whole, wrongArguments, type Given } from '../arguments.ts'
import { systemClock } from '../clock.ts'
import { sourceOfChain } from '../dev/chain-env.ts'
import { consoleSay } from '../dev/say.ts'
import { printLine } from '../print-line.ts'
import { besideTraffic } from './beside-traffic.ts'
import { measureBuild } from './build.ts'
import { measureCatchUp } from './catch-up.ts'
import { measureExample } from './example.ts'
import type { Attending } from './filled-chain.ts'
import { measureLists } from './lists.ts'
import { measureLooks } from './looks.ts'
import type { OwnChainOptions } from './own-chain.ts'
import { measureReads, popularPaths, warmUpMs } from './reads.ts'
import { surroundings } from './surroundings.ts'
import { measureViews } from './views.ts'
import { measureVisible } from './visible.ts'

export const benchCommand = {
  call: 'millrace bench',
  operands: ['WHAT'],
  about: `Measures the example's chain. WHAT is visible (from a commit to HTTP) or reads, of the chain that
runs here, or build, looks, catch-up, views (what a view more costs) or example (with \`--example\`), each
of a chain of its own, or lists (memory of entries, items and rows, and tallies of a million items).`,
  options: {
    for: duration('how long it measures; of catch-up, how long each part is away (30s)'),
    changes: whole([0, 100_000], 500, 'rows changed per second beside it, or 0'),
    rate: whole([1, 100_000], 1_000, 'reads per second, of reads'),
    users: whole([10, 5_000_000], 10_000, 'users of the traffic'),
    connections: whole([1, 4_000], 32, 'kept connections of the readers, of reads and example'),
    example: text('NAME', 'the application that is measured: music, motors, play or shop'),
    rows: whole([1_000, 100_000_000], 1_000_000, 'rows of its largest table; items of lists'),
    films: whole([0, 100_000_000], 0, 'films of the shop, where there are to be more'),
  },
} as const

/** Measures the running chain and prints figures with what they depend on. */
export async function runBench(
  { values, operands: [what = ''] }: Given<(typeof benchCommand)['options']>,
  config: Config,
  signal: AbortSignal,
): Promise<number> {
  const { for: forMs = 30_000, ...rest } = values
  const options = { ...rest, forMs }
  const measures = { visible, reads, build, looks, views, 'catch-up': catchUp, example, lists }
  const measure = Object.hasOwn(measures, what) && measures[what as keyof typeof measures]
  if (!measure) throw wrongArguments(`there is no benchmark '${what}'`, benchCommand)
  if (measure === visible || measure === reads) printLine(await surroundings(config))
  await measure({ ...options, config, signal })
  return 0
}

type Options = {
  readonly forMs: number
  readonly changes: number
  readonly rate: number
  readonly users: number
  readonly connections: number
  readonly example: string | undefined
  readonly rows: number
  readonly films: number
}

type Bench = Options & { readonly config: Config; readonly signal: AbortSignal }

async function visible({ config, signal, forMs, changes, users }: Bench): Promise<void> {
  const source = sourceOfChain()
  const { result, traffic } = await besideTraffic({ rate: changes, users, source, signal }, () =>
    measureVisible({ api: apiOf(config), source, forMs, signal }),
  )
  printLine(`beside    ${changes} changes/s asked; traffic: ${traffic}`)
  printLine(
    `visible   ${result.visible.summary()} (commit to HTTP, ${result.visible.count} probes)`,
  )
  printLine(
    `polls     every ${result.resolution.summary()}; their timers late by ${result.lateness.summary()}`,
  )
}

async function reads(bench: Bench): Promise<void> {
  const { config, signal, forMs, changes, users, rate, connections } = bench
  const source = changes === 0 ? '' : sourceOfChain()
  const asked = {
    api: apiOf(config),
    paths: popularPaths(users),
    rate,
    forMs,
    connections,
    signal,
  }
  const beside = { rate: changes, users, source, signal }
  const { result, traffic } = await besideTraffic(beside, async () => {
    await measureReads({ ...asked, forMs: warmUpMs })
    return measureReads(asked)
  })
  const statuses = [...result.statuses].map(([status, times]) => `${times} x ${status}`).join(', ')
  printLine(`beside    ${changes} changes/s asked; traffic: ${traffic}`)
  printLine(`reads     ${result.answered.summary()} (${rate}/s, from the intended send time)`)
  printLine(`load      sent late by ${result.lateness.summary()}`)
  printLine(`answers   ${statuses}; ${result.failures} without an answer`)
}

async function build({ users, signal }: Bench): Promise<void> {
  const built = await measureBuild(ownChain(users, signal))
  const seconds = built.tookMs / 1_000
  printLine(`build     ${built.entries} entries of ${built.rows} rows in ${seconds.toFixed(1)} s`)
  printLine(
    `          ${Math.round(built.entries / seconds)} entries/s, from a worker's start to serving`,
  )
  printLine(`memory    of the worker at most ${built.workerMib.toFixed(0)} MiB`)
  printLine(`beside    reads of another view: ${built.reads.summary()}, ${built.reads.count} reads`)
  const { said, seconds: used } = built.verified
  const each = (part: number) => `${((part / built.entries) * 1e6).toFixed(1)} us`
  printLine(`verify    ${said}`)
  printLine(
    `          of a processor per entry: verify ${each(used.verify)}, Redis ${each(used.redis)}, ` +
      `Postgres ${each(used.postgres)}`,
  )
}

async function looks({ users, forMs, signal }: Bench): Promise<void> {
  await measureLooks({
    ...ownChain(users, signal),
    forMs,
    show: (line) => {
      printLine(`beside    ${line.changes} changes/s asked; traffic: ${line.traffic}`)
      printLine(
        `worker    ${percent(line.workerShare)} of a processor, without looks ` +
          percent(line.workerShareWithout),
      )
      printLine(
        `source    ${percent(line.sourceShare)} of a processor for the worker's sessions, ` +
          `without looks ${percent(line.sourceShareWithout)}`,
      )
      printLine(
        `looks     ${line.entriesPerSecond.toFixed(0)} entries/s, each entry once in ` +
          `${line.lapSeconds?.toFixed(1) ?? 'more than 300'} s; ${line.wrong} wrong`,
      )
    },
  })
}

async function views({ changes, forMs, signal }: Bench): Promise<void> {
  await measureViews({
    ...ownChain(0, signal),
    rate: changes,
    forMs,
    show: (line) => {
      const bytes =
        line.kafkaBytes === undefined ? 'unknown' : `${(line.kafkaBytes / 1_024).toFixed(0)} KiB/s`
      printLine(
        `views     ${line.views}, beside ${line.changed.toFixed(0)} changes/s of ${changes} asked`,
      )
      printLine(
        `          worker ${percent(line.workerShare)} of a processor, ` +
          `${line.workerMib.toFixed(0)} MiB; Redis ${percent(line.redisShare)}, ` +
          `Kafka ${percent(line.kafkaShare)}; read from Kafka ${bytes}`,
      )
      printLine(
        `          ${line.visible.summary()} (commit to Redis, ${line.visible.count} probes)`,
      )
      printLine(`          verify: ${line.verified}`)
    },
  })
}

async function catchUp({ users, changes, forMs, signal }: Bench): Promise<void> {
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(1).padStart(6)} s`
  printLine(`part        away     answers after   view fresh after`)
  const traffic = await measureCatchUp({
    ...ownChain(users, signal),
    rate: changes,
    awayMs: forMs,
    show: ({ part, upMs, freshMs }) =>
      printLine(
        `${part.padEnd(10)} ${seconds(forMs)}       ${seconds(upMs)}           ${seconds(freshMs)}`,
      ),
  })
  printLine(`beside    ${changes} changes/s asked; traffic: ${traffic}`)
}

async function example({ example: name, signal, ...options }: Bench): Promise<void> {
  if (name === undefined) throw wrongArguments('--example is missing', benchCommand)
  await measureExample({ ...options, ...attending(signal), name, show: printLine })
}

async function lists({ rows, signal }: Bench): Promise<void> {
  await measureLists({ ...attending(signal), large: rows, show: printLine })
}

/** What a benchmark needs that starts a chain of its own, with nothing else on it. */
function ownChain(users: number, signal: AbortSignal): OwnChainOptions {
  return { users, ...attending(signal) }
}

function attending(signal: AbortSignal): Attending {
  const tell = async (config: Config) => printLine(await surroundings(config))
  return { say: consoleSay(systemClock.monotonicMs()), signal, tell }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)}%`
}

function apiOf({ apiHost, apiPort }: Config): string {
  return `http://${apiHost}:${apiPort}`
}
