import { parseArguments } from '../dev/arguments.ts'
import { sourceOfChain } from '../dev/chain-env.ts'

export type TrafficOptions = {
  readonly users: number
  readonly rate: number
  readonly forMs: number | undefined
  readonly seed: number
  readonly connections: number
  readonly source: string
}

export const trafficUsage = `usage: npm run traffic -- [options]
  --users <n>          how many users live in the network        10000
  --rate <n>           rows changed per second                   500
  --for <duration>     how long: 500ms, 60s, 5m, 1h              until Ctrl-C
  --seed <n>           the same seed makes the same choices      1
  --connections <n>    connections to the database               4
  --source <url>       the source database, by a role that may write; that of the running chain
`

const names = ['users', 'rate', 'for', 'seed', 'connections', 'source'] as const

/** Throws `arguments`, with the usage as its hint. */
export function parseTrafficArgs(args: readonly string[]): TrafficOptions {
  const given = parseArguments(args, { names, usage: trafficUsage })
  return {
    users: given.whole('users', 10_000, [10, 5_000_000]),
    rate: given.whole('rate', 500, [1, 100_000]),
    forMs: given.durationMs('for'),
    seed: given.whole('seed', 1, [0, 0xffff_ffff]),
    connections: given.whole('connections', 4, [1, 64]),
    source: given.text('source') ?? sourceOfChain(),
  }
}
