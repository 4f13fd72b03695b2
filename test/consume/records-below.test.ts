import type { Batch, PartitionReader } from '../../src/consume/change-source.ts'
import { recordsBelow } from '../../src/consume/records-below.ts'
import { MillraceError } from '../../src/errors.ts'
import type { KafkaOffset } from '../../src/position.ts'

const offset = (value: number) => BigInt(value) as KafkaOffset

function batch(from: number, next: number): Batch {
  const offsets = Array.from({ length: next - from }, (_, index) => offset(from + index))
  const records = offsets.map((at) => ({ offset: at, timestampMs: 0, key: null, value: null }))
  return { from: offset(from), next: offset(next), records }
}

/** A reader that answers these one after the other, whatever it was told to seek. */
function readerOf(answers: (Batch | MillraceError | undefined)[], lost = new AbortController()) {
  const seeks: KafkaOffset[] = []
  const reader: PartitionReader = {
    partition: { topic: 't', partition: 0 },
    lost: lost.signal,
    bounds: async () => ({ start: offset(0), end: offset(9) }),
    seek: (at) => seeks.push(at),
    next: async () => {
      if (answers.length === 1) lost.abort()
      const answer = answers.shift()
      if (answer instanceof MillraceError) throw answer
      return answer
    },
    note: () => undefined,
  }
  return { reader, seeks }
}

async function read(reader: PartitionReader, from: number, target: number) {
  const offsets: bigint[] = []
  for await (const turn of recordsBelow(reader, offset(from), offset(target))) {
    offsets.push(...turn.records.map((record) => record.offset))
  }
  return offsets
}

test('what was fetched anywhere else is dropped and asked for again', async () => {
  const { reader, seeks } = readerOf([batch(0, 2), batch(4, 6), batch(1, 3), batch(2, 4)])
  expect(await read(reader, 0, 4)).toEqual([0n, 1n, 2n, 3n])
  expect(seeks).toEqual([0n, 2n, 2n])
})

test('ends below the target, and when the partition is lost', async () => {
  expect(await read(readerOf([batch(0, 5), undefined]).reader, 0, 3)).toEqual([0n, 1n, 2n])
  expect(await read(readerOf([batch(0, 2), undefined]).reader, 0, 3)).toEqual([0n, 1n])
  expect(await read(readerOf([]).reader, 3, 3)).toEqual([])
})

test('lets a failed fetch through, and reads nothing behind it', async () => {
  const failed = new MillraceError('fetch-failed', 'a fetch failed')
  const { reader, seeks } = readerOf([batch(0, 2), failed, batch(2, 4)])
  await expect(read(reader, 0, 4)).rejects.toBe(failed)
  expect(seeks).toEqual([0n])
})
