import type { LogRecord } from '../../src/change.ts'
import type { Clock } from '../../src/clock.ts'
import type { PartitionReader } from '../../src/consume/change-source.ts'
import { hashOf } from '../../src/consume/record-identity.ts'
import { resume } from '../../src/bootstrap/resume.ts'
import type { Decoder } from '../../src/decode/decoder.ts'
import { MillraceError } from '../../src/errors.ts'
import type { KafkaOffset } from '../../src/position.ts'
import type { Checkpoint } from '../../src/store/store.ts'
import { simulatedDecoder } from '../support/simulated-log.ts'

const lagMs = 1_000
const nowMs = 1_000_000

const record = (offset: number, text: string | null): LogRecord => ({
  offset: BigInt(offset) as KafkaOffset,
  timestampMs: 5,
  key: Buffer.from('key'),
  value: text === null ? null : Buffer.from(text),
})

const insert = (lsn: number) =>
  JSON.stringify({
    kind: 'insert',
    table: 'likes',
    key: { user_id: { $: '1' } },
    after: {},
    lsn: { $: `${lsn}` },
  })

/** Offsets 0 to 4, of which 2 was compacted away. */
const records = [
  record(0, insert(10)),
  record(1, insert(20)),
  record(3, insert(30)),
  record(4, null),
]

function checkpoint(overrides: Partial<Checkpoint> = {}): Checkpoint {
  return {
    phase: 'live',
    poured: 1,
    next: 4n as KafkaOffset,
    last: hashOf(records[2]!, false),
    windowFrom: 1n as KafkaOffset,
    windowAtMs: nowMs,
    atMs: nowMs,
    keySchema: 1,
    ...overrides,
  }
}

type ResumeOptions = {
  readonly start?: number
  readonly end?: number
  readonly log?: readonly LogRecord[]
  readonly identitiesMax?: number
  readonly decoder?: Decoder
}

function resumeAt(at: Checkpoint, options: ResumeOptions = {}) {
  const { start = 0, end = 5, log = records, identitiesMax = 10 } = options
  const { decoder = simulatedDecoder } = options
  const clock: Clock = { wallMs: () => nowMs, monotonicMs: () => 0, sleep: async () => undefined }
  let position = 0n as KafkaOffset
  const reader: PartitionReader = {
    partition: { topic: 'likes', partition: 0 },
    lost: new AbortController().signal,
    bounds: async () => ({ start: BigInt(start) as KafkaOffset, end: BigInt(end) as KafkaOffset }),
    seek: (offset) => (position = offset),
    next: async () => {
      const found = log.filter(({ offset }) => offset >= position).slice(0, 2)
      const next = (found.at(-1)?.offset ?? BigInt(end) - 1n) + 1n
      const batch = { from: position, records: found, fetchedAtMs: nowMs }
      position = next as KafkaOffset
      return { ...batch, next: position, end: BigInt(end) as KafkaOffset }
    },
    note: () => undefined,
  }
  return resume({ reader, decoder, clock, lagMs, identitiesMax }, at)
}

test('remembers the identities of the window, and of nothing before or beyond it', async () => {
  const identities = await resumeAt(checkpoint())
  expect(identities.size).toBe(2)
  expect(identities.admit('ik:"1"', 9n as KafkaOffset)).toBe(false)
  expect(identities.admit('ia:"1"', 9n as KafkaOffset)).toBe(true)
})

test('a log that begins behind what is needed is refused', async () => {
  await expect(resumeAt(checkpoint(), { start: 2 })).rejects.toMatchObject({
    code: 'log-start-passed',
  })
})

test('a log that ends before the checkpoint is another one', async () => {
  await expect(resumeAt(checkpoint(), { end: 3 })).rejects.toMatchObject({ code: 'another-log' })
})

test('another record at the offset of the last one applied is another log', async () => {
  const log = [...records.slice(0, 2), record(3, insert(31)), records[3]!]
  await expect(resumeAt(checkpoint(), { log })).rejects.toMatchObject({ code: 'another-log' })
})

test('a last record that is gone is another log, unless it emptied its row', async () => {
  const log = records.filter(({ offset }) => offset !== 3n)
  await expect(resumeAt(checkpoint(), { log })).rejects.toMatchObject({ code: 'another-log' })
  const last = hashOf(records[2]!, true)
  await expect(resumeAt(checkpoint({ last }), { log })).resolves.toBeDefined()
})

test('a checkpoint older than the lag is refused while the log has gone on', async () => {
  const old = nowMs - lagMs - 1
  await expect(resumeAt(checkpoint({ atMs: old }))).rejects.toMatchObject({ code: 'too-old' })
  await expect(resumeAt(checkpoint({ atMs: old }), { end: 4 })).resolves.toBeDefined()
  await expect(resumeAt(checkpoint({ windowAtMs: old }))).rejects.toMatchObject({ code: 'too-old' })
})

test('more identities than fit are refused', async () => {
  await expect(resumeAt(checkpoint(), { identitiesMax: 1 })).rejects.toMatchObject({
    code: 'window-full',
  })
})

/** Refuses the record at offset 1. */
const refusing = (error: MillraceError): Decoder => ({
  ...simulatedDecoder,
  decode: (each) => {
    if (each.offset === 1n) throw error
    return simulatedDecoder.decode(each)
  },
})

test('a record that was passed and can not be decoded any more does not stop it', async () => {
  for (const error of [
    new MillraceError('column-gone', 'a column is gone'),
    new MillraceError('schema-unknown', 'not known yet', { retriable: true }),
  ]) {
    const identities = await resumeAt(checkpoint(), { decoder: refusing(error) })
    expect(identities.size).toBe(1)
  }
})

test('a registry that is away is waited for', async () => {
  const error = new MillraceError('registry-unavailable', 'away', { retriable: true })
  const resuming = resumeAt(checkpoint(), { decoder: refusing(error) })
  await expect(resuming).rejects.toMatchObject({ code: 'registry-unavailable' })
})
