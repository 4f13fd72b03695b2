/** `npm run test:simulation -- --schedules N --seed S [--trace]`: that many schedules from a seed on. */
import { parseArgs } from 'node:util'
import { drawSchedule, play } from './schedule.ts'

const { values } = parseArgs({
  options: {
    schedules: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    trace: { type: 'boolean', default: false },
    first: { type: 'boolean', default: false },
  },
})

const first = Number(values.seed)
const counts = new Map<string, number>()
const startedMs = performance.now()
let virtualMs = 0
let failed = 0
for (let seed = first; seed < first + Number(values.schedules); seed += 1) {
  const trace = values.trace ? say : undefined
  const outcome = await play(drawSchedule(seed), trace)
  for (const [kind, times] of outcome.counts) counts.set(kind, (counts.get(kind) ?? 0) + times)
  virtualMs += outcome.virtualMs
  if (outcome.failure) {
    failed += 1
    const drawn = drawSchedule(seed)
    say(`seed ${seed} fails: ${outcome.failure.stack ?? outcome.failure.message}`)
    const steps = drawn.faults.map(({ atMs, fault }) => `${Math.round(atMs)} ${fault}`)
    say(`  ${drawn.benign ? 'benign' : 'any'}, ${drawn.workers} workers: ${steps.join('; ')}`)
  }
  if (failed > 0 && values.first) break
  await new Promise(setImmediate)
}
const seconds = (performance.now() - startedMs) / 1_000
for (const [kind, times] of [...counts].toSorted(([a], [b]) => Number(a > b) - Number(a < b))) {
  say(`${String(times).padStart(8)}  ${kind}`)
}
say(
  `${values.schedules} schedules in ${seconds.toFixed(1)} s, ${failed} failed; ${(virtualMs / 1_000 / Number(values.schedules)).toFixed(1)} virtual s each`,
)
process.exitCode = failed > 0 ? 1 : 0

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
