import { MillraceError, unreachable } from '../../errors.ts'

type KafkajsFault = {
  readonly name?: string
  readonly type?: string
  readonly code?: unknown
  readonly retriable?: boolean
  readonly cause?: unknown
}

/** What a fault of kafkajs means for us. A bug, thrown as an ordinary Error, stays what it is. */
export type FaultKind =
  | 'away'
  | 'rebalancing'
  | 'stale-metadata'
  | 'out-of-range'
  | 'topic-missing'
  | 'unknown-member'
  | 'unreadable'
  | 'refused'
  | 'bug'

export function faultKind(error: unknown): FaultKind {
  if (error instanceof MillraceError) return error.retriable ? 'away' : 'refused'
  const chain = causes(error)
  for (const { type = '', name = '' } of chain) {
    const known = byType[type] ?? byName[name]
    if (known) return known
  }
  if (chain.some((fault) => fault.retriable === true)) return 'away'
  return chain.some(({ name = '' }) => name.startsWith('KafkaJS')) ? 'refused' : 'bug'
}

const byType: Readonly<Record<string, FaultKind>> = {
  REBALANCE_IN_PROGRESS: 'rebalancing',
  ILLEGAL_GENERATION: 'rebalancing',
  UNKNOWN_MEMBER_ID: 'unknown-member',
  NOT_COORDINATOR_FOR_GROUP: 'rebalancing',
  GROUP_COORDINATOR_NOT_AVAILABLE: 'away',
  GROUP_LOAD_IN_PROGRESS: 'away',
  LEADER_NOT_AVAILABLE: 'stale-metadata',
  NOT_LEADER_FOR_PARTITION: 'stale-metadata',
  FENCED_LEADER_EPOCH: 'stale-metadata',
  UNKNOWN_LEADER_EPOCH: 'stale-metadata',
  OFFSET_NOT_AVAILABLE: 'stale-metadata',
  UNKNOWN_TOPIC_OR_PARTITION: 'topic-missing',
  UNKNOWN_TOPIC_ID: 'topic-missing',
  INCONSISTENT_TOPIC_ID: 'topic-missing',
  OFFSET_OUT_OF_RANGE: 'out-of-range',
  UNREADABLE_COMPRESSION: 'unreadable',
}

const byName: Readonly<Record<string, FaultKind>> = {
  KafkaJSConnectionError: 'away',
  KafkaJSConnectionClosedError: 'away',
  KafkaJSRequestTimeoutError: 'away',
  KafkaJSBrokerNotFound: 'away',
  KafkaJSLockTimeout: 'away',
  KafkaJSGroupCoordinatorNotFound: 'away',
  KafkaJSNoBrokerAvailableError: 'away',
  KafkaJSMetadataNotLoaded: 'stale-metadata',
  KafkaJSTopicMetadataNotLoaded: 'stale-metadata',
}

/** The fault and what is behind it, the outermost first. kafkajs nests a few deep. */
function causes(error: unknown): KafkajsFault[] {
  const chain: KafkajsFault[] = []
  let each = error
  while (typeof each === 'object' && each !== null && chain.length < 10) {
    chain.push(each)
    each = (each as KafkajsFault).cause
  }
  return chain
}

/** The same fault in Millrace's words; `what` says what was tried. */
export function kafkaError(what: string, cause: unknown): unknown {
  if (cause instanceof MillraceError) return cause
  const kind = faultKind(cause)
  switch (kind) {
    case 'away':
    case 'rebalancing':
    case 'stale-metadata':
    case 'unknown-member':
      return new MillraceError('kafka-away', `${what}: Kafka does not answer`, {
        cause,
        hint: whenAway,
      })
    case 'topic-missing':
      return topicMissing(what, cause)
    case 'unreadable':
      return new MillraceError('kafka-compression', `${what}: this can't be read`, {
        cause,
        hint: whenCompressed,
      })
    case 'out-of-range':
    case 'refused':
      return new MillraceError('kafka-refused', `${what}: Kafka refused it`, {
        cause,
        hint: 'Look at the cause: rights, limits or a setting of the broker stand in the way.',
      })
    case 'bug':
      return cause
    default:
      return unreachable(kind)
  }
}

export const whenAway = 'Look whether the brokers run and can be reached from here.'

const whenCompressed =
  'Millrace reads what is not compressed, gzip and zstd. Set compression.type of the topic, or ' +
  'producer.override.compression.type of the connector, to one of these. What is there and can not ' +
  'be read is passed once it is deleted (kafka-delete-records.sh): the view goes on from a barrier and is ' +
  'compared.'

export function topicMissing(what: string, cause?: unknown): MillraceError {
  return new MillraceError('topic-missing', `${what}: there is no such topic or partition`, {
    cause,
    hint: 'Create the topics, or start what creates them, and it goes on by itself.',
  })
}

/** `what` says what shows that the brokers know no topic ids, or that their cluster gives none. */
export function brokerTooOld(what: string): MillraceError {
  return new MillraceError('kafka-refused', `${what}: this Kafka is too old`, {
    hint:
      'Millrace tells a topic from one that was made anew by its id: it needs brokers of ' +
      'Kafka 3.1 or newer, and a metadata version (inter.broker.protocol.version) as new.',
  })
}

/** Rejects with `kafka-away` when `promise` is not settled within `timeoutMs`. */
export async function bounded<T>(what: string, timeoutMs: number, promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    const message = `${what}: no answer within ${timeoutMs} ms`
    reject(new MillraceError('kafka-away', message, { hint: whenAway }))
  }, timeoutMs)
  try {
    return await Promise.race([promise, late])
  } catch (error) {
    throw kafkaError(what, error)
  } finally {
    clearTimeout(timer)
  }
}
