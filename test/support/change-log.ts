/** The topics of a chain as they stand, and records that a test makes of those in them. */
import { randomUUID } from 'node:crypto'
import { systemClock } from '../../src/clock.ts'
import { identityOf, type Decoded, type LogRecord, type StreamedChange } from '../../src/change.ts'
import { kafkaChangeSource } from '../../src/consume/kafka/kafka-change-source.ts'
import { kafkaTopicAdmin } from '../../src/consume/kafka/topic-admin.ts'
import { decoder, type Decoder } from '../../src/decode/decoder.ts'
import { schemaRegistry } from '../../src/decode/registry.ts'
import { parseFrame } from '../../src/decode/wire-format.ts'
import type { Chain } from '../../src/dev/chain.ts'
import { describe } from '../../src/errors.ts'
import { createLog } from '../../src/log.ts'
import { userInformation } from '../../examples/social/user-information.ts'
import { placeholder } from './builders.ts'
import { readToEnd } from './kafka-worker.ts'
import { until } from './wait.ts'

const callTimeoutMs = 5_000
const readTimeoutMs = 60_000
const partitions = 4

export type Table = 'users' | 'tweets' | 'follows' | 'likes'

export const tables: readonly Table[] = ['users', 'tweets', 'follows', 'likes']

/** A record where it stands, and what it says. */
export type Logged = {
  readonly partition: number
  readonly record: LogRecord
  readonly decoded: Decoded
}

export function topicOf(chain: Chain, table: Table): string {
  return `${chain.env.MILLRACE_CONNECTOR}.public.${table}`
}

/** Every committed record of a table's topic, each partition in its order. */
export async function readTopic(chain: Chain, table: Table): Promise<Logged[]> {
  const topic = topicOf(chain, table)
  const log = createLog('silent', 'test')
  const decode = decoderOf(chain, table)
  const source = kafkaChangeSource({
    brokers: [chain.urls.kafka],
    groupId: `test-${randomUUID()}`,
    topic,
    sessionTimeoutMs: 6_000,
    recordsMax: 1_000,
    log,
  })
  const stop = new AbortController()
  const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(readTimeoutMs)])
  const read = new Map<number, Logged[]>()
  await source.run(async (reader) => {
    const { partition } = reader.partition
    const logged: Logged[] = []
    for (const { records } of await readToEnd(reader, (await reader.bounds()).start)) {
      for (const record of records) {
        logged.push({ partition, record, decoded: await decodedBy(decode, record) })
      }
    }
    read.set(partition, logged)
    if (read.size === partitions) stop.abort()
  }, signal)
  if (read.size < partitions) throw new Error(`only ${read.size} partitions of ${topic} were read`)
  return [...read.values()].flat()
}

/** How many streamed changes stand in the topics, and how many of those came again. */
export async function countRepeated(
  chain: Chain,
  these: readonly Table[] = tables,
): Promise<{ readonly changes: number; readonly again: number }> {
  let [changes, again] = [0, 0]
  for (const table of these) {
    const seen = new Set<string>()
    for (const { partition, decoded } of await readTopic(chain, table)) {
      const change = streamedIn(decoded)
      if (!change) continue
      const identity = identityOf(change)
      changes += 1
      if (seen.has(`${partition} ${identity}`)) again += 1
      seen.add(`${partition} ${identity}`)
    }
  }
  return { changes, again }
}

/** The change that a record stands for, unless it is a snapshot's row or none. */
function streamedIn(decoded: Decoded): StreamedChange | undefined {
  const change = decoded.kind === 'change' ? decoded.change : undefined
  return change?.kind === 'read' ? undefined : change
}

/** Sum of the end offsets of a table's topic: control records count as well. */
export async function endOf(chain: Chain, table: Table): Promise<bigint> {
  const log = createLog('silent', 'test')
  const admin = kafkaTopicAdmin({ brokers: [chain.urls.kafka], log, callTimeoutMs })
  try {
    const ends = await admin.ends([topicOf(chain, table)])
    return [...ends.values()].reduce<bigint>((sum, end) => sum + end, 0n)
  } finally {
    await admin.close()
  }
}

/** Waits until a table's topic has grown by so many records beyond `from`. */
export async function untilGrown(
  chain: Chain,
  table: Table,
  { from, by }: { readonly from: bigint; readonly by: number },
): Promise<void> {
  const log = createLog('silent', 'test')
  const admin = kafkaTopicAdmin({ brokers: [chain.urls.kafka], log, callTimeoutMs })
  const topic = topicOf(chain, table)
  try {
    await until(`${topic} grows by ${by} records`, async () => {
      const ends = await admin.ends([topic])
      const end = [...ends.values()].reduce<bigint>((sum, each) => sum + each, 0n)
      return end >= from + BigInt(by)
    })
  } finally {
    await admin.close()
  }
}

/** A Debezium envelope as Avro gives it. */
export type Envelope = {
  before: Record<string, unknown> | null
  after: Record<string, unknown> | null
  source: Record<string, unknown>
  op: string
}

/** The bytes of a record's value once `edit` has changed what it says, by the same schema. */
export async function forged(
  chain: Chain,
  value: Uint8Array | null,
  edit: (envelope: Envelope) => void,
): Promise<Buffer> {
  const frame = value ? parseFrame(value) : undefined
  const registry = schemaRegistry(chain.urls.registry, { callTimeoutMs })
  const schema = frame && (await registry.schema(frame.schemaId))
  if (!frame || !schema) throw new Error('only what Debezium has written can be forged')
  const envelope = schema.type.fromBuffer(frame.payload) as Envelope
  edit(envelope)
  return Buffer.concat([value!.subarray(0, 5), schema.type.toBuffer(envelope)])
}

/** Another test may have left a record that would stop a view. */
async function decodedBy(decode: Decoder, record: LogRecord): Promise<Decoded> {
  try {
    return await decode.decode(record)
  } catch (error) {
    return { kind: 'undecodable', reason: describe(error) }
  }
}

function decoderOf(chain: Chain, table: Table): Decoder {
  const registry = schemaRegistry(chain.urls.registry, { callTimeoutMs })
  return decoder({
    registry,
    view: userInformation,
    table,
    topic: topicOf(chain, table),
    clock: systemClock,
    placeholder,
    unknownSchemaMs: 0,
  })
}
