import type { BrokerConnections } from './broker-connections.ts'
import { bounded, faultKind } from './kafka-errors.ts'
import type { Address } from './kafkajs-internals.ts'
import { metadataOf, type Metadata, type PartitionMetadata } from './metadata.ts'

export type LedTopic = {
  /** The one that most brokers tell. */
  readonly id: string
  readonly partitions: readonly LedPartition[]
}

/** As the broker says that knows the highest leader epoch. */
export type LedPartition = PartitionMetadata & {
  /** How many of the replicas have told what they know of it. */
  readonly replicasAsked: number
}

/** A broker that takes longer is left out. */
const answerWithinMs = 1_000

/**
 * Who leads the partitions of these topics; a topic that the broker asked first does not know is
 * left out. All brokers that have a replica are asked: a leader that was cut off from its cluster
 * goes on naming itself, until it hears of its successor.
 */
export async function leadersOf(
  connections: BrokerConnections,
  topics: readonly string[],
): Promise<ReadonlyMap<string, LedTopic>> {
  const first = await connections.ask((broker) => metadataOf(broker, topics))
  const answers = await askReplicas(connections, topics, first)
  return new Map(Array.from(first.topics.keys(), (topic) => [topic, merged(topic, first, answers)]))
}

/**
 * Whether a write that most replicas have acknowledged was acknowledged by one of those that were
 * asked: it knows the epoch of the leader that took the write, so the leader named here is that one
 * or a later one.
 */
export function isSure({ replicas, replicasAsked }: LedPartition): boolean {
  return replicasAsked >= Math.ceil(replicas.length / 2)
}

type Answers = ReadonlyMap<number, Metadata>

/** Of every broker that has a replica, as far as any of them names it, by its number. */
async function askReplicas(
  connections: BrokerConnections,
  topics: readonly string[],
  first: Metadata,
): Promise<Answers> {
  const [only, ...more] = first.brokers.keys()
  if (only !== undefined && more.length === 0) return new Map([[only, first]])
  const asked = new Set<number>()
  const answers = new Map<number, Metadata>()
  for (;;) {
    const named = new Map([first, ...answers.values()].flatMap(replicasNamedIn))
    const wanted = [...named].filter(([id]) => !asked.has(id))
    if (wanted.length === 0) return answers
    const asking = wanted.map(async ([id, address]) => {
      asked.add(id)
      const answer = await askIfThere(connections, topics, address)
      if (answer) answers.set(id, answer)
    })
    await Promise.all(asking)
  }
}

function replicasNamedIn({ brokers, topics }: Metadata): [number, Address][] {
  const partitions = Array.from(topics.values(), (topic) => topic.partitions).flat()
  const replicas = new Set(partitions.flatMap((partition) => partition.replicas))
  return [...brokers].filter(([id]) => replicas.has(id))
}

async function askIfThere(
  connections: BrokerConnections,
  topics: readonly string[],
  address: Address,
): Promise<Metadata | undefined> {
  const asking = connections.ask((broker) => metadataOf(broker, topics), address)
  try {
    return await bounded('metadata', answerWithinMs, asking)
  } catch (error) {
    if (faultKind(error) === 'bug') throw error
    return undefined
  }
}

function merged(topic: string, first: Metadata, answers: Answers): LedTopic {
  // In one order: whoever asks, and whenever, is told of the same one by as many as of another.
  const sorted = [...answers].toSorted(([a], [b]) => a - b)
  const told = sorted.flatMap(([, { topics }]) => topics.get(topic) ?? [])
  const known = told.length > 0 ? told : [first.topics.get(topic)!]
  const [agreed] = [...Map.groupBy(known, ({ id }) => id)].toSorted(
    ([, a], [, b]) => b.length - a.length,
  )
  const [id, alike] = agreed!
  const newest = new Map<number, PartitionMetadata>()
  for (const each of alike.flatMap(({ partitions }) => partitions)) {
    const before = newest.get(each.partition)
    if (!before || before.leaderEpoch < each.leaderEpoch) newest.set(each.partition, each)
  }
  const partitions = [...newest.values()]
    .toSorted((a, b) => a.partition - b.partition)
    .map((each) => {
      const asked = each.replicas.filter((node) => answers.get(node)?.topics.get(topic)?.id === id)
      return { ...each, replicasAsked: asked.length }
    })
  return { id, partitions }
}
