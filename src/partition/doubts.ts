import { MillraceError } from '../errors.ts'
import { topicPartitionName, type TopicPartition } from '../position.ts'
import type { Doubt, DoubtCode, Restart } from '../store/state.ts'

/** What a log that can't be continued from means for the checkpoint of its partition. */
const restarts: Readonly<Partial<Record<MillraceError['code'], RestartDoubt>>> = {
  'log-start-passed': { code: 'log-start-passed', how: 'forward' },
  'another-log': { code: 'another-log', how: 'anew' },
  'compaction-overtaken': { code: 'compaction-overtaken', how: 'forward' },
  'window-full': { code: 'window-full', how: 'forward' },
}

type RestartDoubt = { readonly code: DoubtCode; readonly how: Restart['how'] }

/** The doubt that a fault of reading stands for; undefined when it is none. */
export function doubtOf(
  { code, message, hint }: MillraceError,
  partition: TopicPartition,
): Doubt | undefined {
  const restart = restarts[code]
  if (!restart) return undefined
  const name = topicPartitionName(partition)
  return {
    ...nothingElse,
    name: `${restart.code} ${name}`,
    code: restart.code,
    reason: `${name}: ${message}`,
    hint,
    restart: { how: restart.how, partitions: [name] },
  }
}

export type BelowZero = {
  readonly partition: TopicPartition
  readonly table: string
  /** At least one. */
  readonly below: readonly { readonly entry: string; readonly count: string }[]
}

/**
 * A count below zero tells that something is wrong with these entries, and not what. It takes the
 * place of the partition's doubt among those that are `standing`, so it is about its entries as well.
 */
export function belowZeroDoubt(
  { partition, table, below }: BelowZero,
  standing: readonly Doubt[],
): Doubt {
  const first = below[0]!
  const name = `below-zero ${topicPartitionName(partition)}`
  const before = standing.find((each) => each.name === name)
  const keys = [...new Set([...(before?.keys ?? []), ...below.map(({ entry }) => entry)])]
  const areNamed = keys.length <= keysMax && before?.keys.length !== 0
  return {
    ...nothingElse,
    name,
    code: 'below-zero',
    reason: `${first.entry} ${first.count} is below zero, which no rows can explain`,
    tables: [table],
    keys: areNamed ? keys : [],
  }
}

/** Entries that one doubt names; where there are more it is about all. */
const keysMax = 100

const nothingElse = {
  hint: undefined,
  tables: [],
  keys: [],
  offsets: new Map(),
  barrier: 0,
  restart: undefined,
} as const satisfies Partial<Doubt>
