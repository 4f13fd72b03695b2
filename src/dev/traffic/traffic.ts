import { parseArgs } from 'node:util'
import { systemClock } from '../../clock.ts'
import { MillraceError } from '../../errors.ts'
import { loadChainEnv, urlsOf } from '../chain-env.ts'
import { networkWeights } from './operations.ts'
import { Population } from './population.ts'
import { Random } from './random.ts'
import { Tally } from './tally.ts'
import { ensureUsers } from './users.ts'
import { runWorkload } from './workload.ts'

const usage = `usage: npm run traffic -- [options]
  --users <n>          how many users live in the network        10000
  --rate <n>           rows changed per second                   500
  --for <duration>     how long: 500ms, 60s, 5m, 1h              until Ctrl-C
  --seed <n>           the same seed makes the same choices      1
  --connections <n>    connections to the database               4
  --source <url>       the source database, by a role that may write; that of the running chain
`

/** The role `traffic`: a living social network on the source database. Resolves to an exit code. */
export async function runTraffic(args: readonly string[], stop?: AbortSignal): Promise<number> {
  const options = optionsOf(args)
  if ('wrong' in options) {
    process.stderr.write(`${options.wrong}\n\n${usage}`)
    return 2
  }
  const { users, rate, forMs, seed, connections, source } = options
  const random = new Random(seed)
  const population = new Population(users)
  const screen = new Screen(process.stdout.isTTY)
  const made = await ensureUsers(source, { random, population }, (ranks, count) =>
    screen.now(`users: ${ranks} of ${users} looked at, ${count} made`),
  )
  screen.line(`${users} users live there, ${made} of them new`)
  const tally = new Tally()
  const beganMs = systemClock.monotonicMs()
  const progress = setInterval(() => screen.progress(tally, beganMs), 1_000)
  const signals = [stop, forMs === undefined ? undefined : AbortSignal.timeout(forMs)]
  const signal = AbortSignal.any(signals.filter((one) => one !== undefined))
  try {
    const weights = networkWeights
    await runWorkload(source, { random, population, weights, rate, connections, signal, tally })
  } finally {
    clearInterval(progress)
  }
  screen.line(summaryOf(tally, systemClock.monotonicMs() - beganMs))
  return 0
}

type Options = {
  readonly users: number
  readonly rate: number
  readonly forMs: number | undefined
  readonly seed: number
  readonly connections: number
  readonly source: string
}

function optionsOf(args: readonly string[]): Options | { readonly wrong: string } {
  const text = { type: 'string' } as const
  const known = { users: text, rate: text, for: text, seed: text, connections: text, source: text }
  try {
    const { values } = parseArgs({ args: [...args], options: known, allowPositionals: false })
    return {
      users: whole('users', values.users ?? '10000', [10, 5_000_000]),
      rate: whole('rate', values.rate ?? '500', [1, 100_000]),
      forMs: values.for === undefined ? undefined : parseDuration(values.for),
      seed: whole('seed', values.seed ?? '1', [0, 0xffff_ffff]),
      connections: whole('connections', values.connections ?? '4', [1, 64]),
      source: values.source ?? sourceOfChain(),
    }
  } catch (error) {
    if (error instanceof MillraceError || !(error instanceof TypeError)) throw error
    return { wrong: error.message }
  }
}

function whole(name: string, value: string, [least, most]: readonly [number, number]): number {
  const number = /^\d{1,12}$/.test(value) ? Number(value) : NaN
  if (number >= least && number <= most) return number
  throw new TypeError(`--${name} is a whole number from ${least} to ${most}, not '${value}'`)
}

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** `60s` -> 60000. */
export function parseDuration(text: string): number {
  const match = /^(\d{1,7}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(text)
  const ms = match ? Math.round(Number(match[1]) * unitsMs[match[2]!]!) : 0
  // Longer timers would end at once.
  if (ms > 0 && ms < 2 ** 31) return ms
  throw new TypeError(`--for is a duration like 500ms, 60s, 5m or 1h, not '${text}'`)
}

/** The source of the chain that runs on this machine, by the role of the application. */
export function sourceOfChain(): string {
  const { source } = urlsOf(
    Object.fromEntries(
      Object.entries({ ...loadChainEnv(), ...process.env }).filter(
        (entry): entry is [string, string] => entry[1] !== undefined,
      ),
    ),
  )
  if (source !== '') return source
  throw new MillraceError(
    'no-chain',
    'no chain was started here, so there is no source to write to',
    {
      hint: 'Run npm start in another terminal, or name the database with --source.',
    },
  )
}

/** A line that changes in place on a terminal; one each five seconds elsewhere. */
class Screen {
  readonly #terminal: boolean
  #ticks = 0

  constructor(terminal: boolean) {
    this.#terminal = terminal
  }

  now(text: string): void {
    if (this.#terminal) process.stdout.write(`\r\u001B[K${text}`)
  }

  line(text: string): void {
    this.now('')
    process.stdout.write(`${text}\n`)
  }

  progress(tally: Tally, beganMs: number): void {
    this.#ticks += 1
    const text = progressOf(tally, systemClock.monotonicMs() - beganMs)
    if (this.#terminal) this.now(text)
    else if (this.#ticks % 5 === 0) this.line(text)
  }
}

function progressOf(tally: Tally, elapsedMs: number): string {
  const { rows, behindMs, refusals, retries, connectionsLost, lastTrouble } = tally
  const rate = (rows / (elapsedMs / 1_000)).toFixed(0)
  const trouble = `${refusals} refused, ${retries} tried again, ${connectionsLost} connections lost`
  const last = connectionsLost > 0 && lastTrouble ? ` (${lastTrouble})` : ''
  return `${rows} changes, ${rate}/s, behind by ${behindMs.toFixed(0)} ms; ${trouble}${last}`
}

function summaryOf(tally: Tally, elapsedMs: number): string {
  const kinds = [...tally.rowsByKind].toSorted(([, a], [, b]) => b.rows - a.rows)
  const lines = kinds.map(
    ([kind, { operations, rows }]) =>
      `  ${kind.padEnd(12)} ${String(operations).padStart(8)} ${String(rows).padStart(10)}`,
  )
  return [
    `${progressOf(tally, elapsedMs)}; at most ${tally.behindMaxMs.toFixed(0)} ms behind`,
    `  ${'kind'.padEnd(12)} ${'times'.padStart(8)} ${'changes'.padStart(10)}`,
    ...lines,
  ].join('\n')
}
