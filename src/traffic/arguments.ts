import { duration, text, whole, type Given } from '../arguments.ts'
import { sourceOfChain } from '../dev/chain-env.ts'

export type TrafficOptions = {
  readonly users: number
  readonly rate: number
  readonly forMs: number | undefined
  readonly seed: number
  readonly connections: number
  readonly source: string
}

export const trafficCommand = {
  call: 'millrace traffic',
  about: "A living social network on the example's source database, until Ctrl-C.",
  options: {
    users: whole([10, 5_000_000], 10_000, 'how many users live in the network'),
    rate: whole([1, 100_000], 500, 'rows changed per second'),
    for: duration('how long: 500ms, 60s, 5m, 1h'),
    seed: whole([0, 0xffff_ffff], 1, 'the same seed makes the same choices'),
    connections: whole([1, 64], 4, 'connections to the database'),
    source: text(
      'URL',
      'the source database, by a role that may write; else that of the chain here',
    ),
  },
} as const

export type TrafficGiven = Given<(typeof trafficCommand)['options']>

export function trafficOptionsOf({
  values: { for: forMs, source, ...rest },
}: TrafficGiven): TrafficOptions {
  return { ...rest, forMs, source: source ?? sourceOfChain() }
}
