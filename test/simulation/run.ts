/** `npm run test:simulation -- --schedules N --seed S [--trace]`: that many schedules from a seed on. */
import { describe, MillraceError } from '../../src/errors.ts'
import { parseSimulationArgs, type SimulationOptions } from './arguments.ts'
import { missingEffects } from './effects.ts'
import { shrunk, textOf } from './kept.ts'
import { playAll, type Failed, type Totals } from './play-all.ts'

/** Failures after which the rest is left out. */
const failuresMax = 20

try {
  process.exitCode = await run(parseSimulationArgs(process.argv.slice(2)))
} catch (error) {
  if (!(error instanceof MillraceError)) throw error
  process.stderr.write(`${describe(error)}\n${error.hint ?? ''}`)
  process.exitCode = 2
}

/** Answers the exit code. */
async function run({ schedules, seed, family, trace }: SimulationOptions): Promise<number> {
  const startedMs = performance.now()
  const totals = await playAll({
    schedules,
    first: seed,
    family,
    failuresMax,
    trace: trace ? say : undefined,
    fails: ({ schedule, failure }) =>
      say(`seed ${schedule.seed} fails: ${failure.stack ?? failure.message}`),
  })
  report(totals, performance.now() - startedMs)
  const [failed] = totals.failed
  if (failed) return explained(failed)
  // A few schedules do not have every kind of fault in them.
  const missing = schedules >= 1_000 && !family ? missingEffects(totals.counts) : []
  for (const kind of missing) say(`never happened: ${kind}`)
  return missing.length > 0 ? 1 : 0
}

function report({ counts, played, failed, virtualMs }: Totals, tookMs: number): void {
  const sorted = [...counts].toSorted(([a], [b]) => Number(a > b) - Number(a < b))
  for (const [kind, { times, schedules }] of sorted) {
    say(`${String(times).padStart(8)} in ${String(schedules).padStart(6)}  ${kind}`)
  }
  say(
    `${played} schedules in ${(tookMs / 1_000).toFixed(1)} s, ${failed.length} failed; ` +
      `${(virtualMs / 1_000 / played).toFixed(1)} virtual s each`,
  )
}

/** Prints the first failed schedule so that it can be put into kept-seeds.ts. */
async function explained({ schedule, failure }: Failed): Promise<number> {
  say(`the schedule of seed ${schedule.seed} is made smaller`)
  const kept = await shrunk(schedule, failure)
  say(kept ? textOf(kept) : `it fails by its seed alone: ${schedule.seed}`)
  return 1
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
