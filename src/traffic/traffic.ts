import { systemClock } from '../clock.ts'
import { trafficOptionsOf, type TrafficGiven } from './arguments.ts'
import { networkWeights } from './operations.ts'
import { Population } from './population.ts'
import { Random } from '../random.ts'
import { Tally } from './tally.ts'
import { ensureUsers } from './users.ts'
import { runWorkload } from './workload.ts'

/** The role `traffic`: a living social network on the source database. Resolves to an exit code. */
export async function runTraffic(given: TrafficGiven, stop?: AbortSignal): Promise<number> {
  const { users, rate, forMs, seed, connections, source } = trafficOptionsOf(given)
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
