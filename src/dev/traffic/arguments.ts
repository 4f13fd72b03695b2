import { parseArgs } from 'node:util'
import { describe, MillraceError } from '../../errors.ts'
import { loadChainEnv, urlsOf } from '../chain-env.ts'

export type TrafficOptions = {
  readonly users: number
  readonly rate: number
  readonly forMs: number | undefined
  readonly seed: number
  readonly connections: number
  readonly source: string
}

/** Throws `arguments`, with the usage as its hint. */
export function parseTrafficArgs(args: readonly string[]): TrafficOptions {
  const values = valuesOf(args)
  return {
    users: whole('users', values.users ?? '10000', [10, 5_000_000]),
    rate: whole('rate', values.rate ?? '500', [1, 100_000]),
    forMs: values.for === undefined ? undefined : parseDuration(values.for),
    seed: whole('seed', values.seed ?? '1', [0, 0xffff_ffff]),
    connections: whole('connections', values.connections ?? '4', [1, 64]),
    source: values.source ?? sourceOfChain(),
  }
}

const usage = `usage: npm run traffic -- [options]
  --users <n>          how many users live in the network        10000
  --rate <n>           rows changed per second                   500
  --for <duration>     how long: 500ms, 60s, 5m, 1h              until Ctrl-C
  --seed <n>           the same seed makes the same choices      1
  --connections <n>    connections to the database               4
  --source <url>       the source database, by a role that may write; that of the running chain
`

function valuesOf(args: readonly string[]) {
  const text = { type: 'string' } as const
  const options = {
    users: text,
    rate: text,
    for: text,
    seed: text,
    connections: text,
    source: text,
  }
  try {
    return parseArgs({ args: [...args], options, allowPositionals: false }).values
  } catch (error) {
    throw wrongArguments(describe(error))
  }
}

function wrongArguments(message: string): MillraceError {
  return new MillraceError('arguments', message, { hint: usage })
}

export function whole(
  name: string,
  value: string,
  [least, most]: readonly [number, number],
): number {
  const number = /^\d{1,12}$/.test(value) ? Number(value) : NaN
  if (number >= least && number <= most) return number
  throw wrongArguments(`--${name} is a whole number from ${least} to ${most}, not '${value}'`)
}

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** `60s` -> 60000. */
export function parseDuration(text: string): number {
  const match = /^(\d{1,7}(?:\.\d{1,3})?)(ms|s|m|h)$/.exec(text)
  const ms = match ? Math.round(Number(match[1]) * unitsMs[match[2]!]!) : 0
  // Longer timers would end at once.
  if (ms > 0 && ms < 2 ** 31) return ms
  throw wrongArguments(`--for is a duration like 500ms, 60s, 5m or 1h, not '${text}'`)
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
