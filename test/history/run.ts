/** `npm run test:faults -- --minutes N --seed S`: what readers see under faults, proved from logs. */
import { describe, MillraceError } from '../../src/errors.ts'
import { parseHistoryArgs, type HistoryOptions } from './arguments.ts'
import { chainWithWires } from './chain-with-wires.ts'
import { lanes } from './faults.ts'
import { runHistory } from './history.ts'
import { everyKindFromMinutes, progressLine, summaryOf } from './summary.ts'

const sayEveryMs = 10_000
const rate = 120

async function main(args: readonly string[]): Promise<number> {
  let options: HistoryOptions
  try {
    options = parseHistoryArgs(args)
  } catch (error) {
    if (!(error instanceof MillraceError)) throw error
    process.stderr.write(`${describe(error)}\n${error.hint ?? ''}`)
    return 2
  }
  const { minutes, seed } = options
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort())
  say(`${minutes} minutes, seed ${seed}`)
  try {
    const whole = await chainWithWires({ say, signal: stop.signal })
    const session = await runHistory(whole, {
      seed,
      minutes,
      lanes,
      rate,
      signal: stop.signal,
      violated: ({ kind, text, atMs }) =>
        say(`VIOLATION ${new Date(atMs).toISOString()} ${kind}: ${text}`),
      tell: (text) => say(`  ${new Date().toISOString()} ${text}`),
      progress: { everyMs: sayEveryMs, tell: (it, elapsedMs) => say(progressLine(it, elapsedMs)) },
      everyKind: minutes >= everyKindFromMinutes,
    })
    say(summaryOf(session, options))
    if (stop.signal.aborted) return 130
    return session.violations.length > 0 ? 1 : 0
  } catch (error) {
    if (stop.signal.aborted) return 130
    throw error
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

process.exitCode = await main(process.argv.slice(2))
