import { chainTimeoutMs } from '../support/chain.ts'
import { seedOfTest } from './arguments.ts'
import { chainWithWires } from './chain-with-wires.ts'
import { fewLanes } from './faults.ts'
import { runHistory } from './history.ts'

const minutes = 1
/** The comparison with SQL comes after the minute. */
const testTimeoutMs = chainTimeoutMs + 600_000

test(
  'readers see what their watermarks promise while workers and Redis die and errors are planted',
  async () => {
    const seed = seedOfTest()
    process.stdout.write(`history: seed ${seed}\n`)
    const { signal } = new AbortController()
    const whole = await chainWithWires({ say: () => undefined, signal })
    const session = await runHistory(whole, {
      seed,
      minutes,
      lanes: fewLanes,
      rate: 120,
      signal,
      violated: ({ kind, text }) => process.stdout.write(`${kind}: ${text}\n`),
      everyKind: false,
    })
    expect(session.violations).toEqual([])
    expect(session.rests).toBe(1)
    expect(session.checker.tally.exact).toBeGreaterThan(500)
    expect(session.faults.effective).toBeGreaterThan(5)
    expect(session.watch.verdicts.planted).toBeGreaterThan(0)
  },
  testTimeoutMs,
)
