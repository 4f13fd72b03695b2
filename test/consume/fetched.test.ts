import { batchesOf } from '../../src/consume/kafka/fetched.ts'
import type { RawMessage } from '../../src/consume/kafka/kafkajs-internals.ts'
import type { KafkaOffset } from '../../src/position.ts'

const at = (offset: number) => BigInt(offset) as KafkaOffset

function message(offset: number, given: Partial<RawMessage> = {}): RawMessage {
  const batchContext = { producerId: '-1', inTransaction: false }
  const value = Buffer.from(`v${offset}`)
  const common = { timestamp: '1700000000000', key: null, value, isControlRecord: false }
  return { ...common, batchContext, offset: String(offset), ...given }
}

const inTransaction = (producerId: string) => ({
  batchContext: { producerId, inTransaction: true },
})

/** A control record: a version and a type, 0 for an abort and 1 for a commit. */
const marker = (producerId: string, type: 0 | 1) => ({
  ...inTransaction(producerId),
  key: Buffer.from([0, 0, 0, type]),
  isControlRecord: true,
})

function offsets(
  messages: RawMessage[],
  abortedTransactions: { producerId: string; firstOffset: bigint }[] = [],
  from = 0,
) {
  const batches = batchesOf({ abortedTransactions, messages }, at(from), 3)
  return batches.map(({ from: first, next, records }) => {
    return [Number(first), records.map(({ offset }) => Number(offset)), Number(next)]
  })
}

describe('batchesOf', () => {
  it('gives nothing for a fetch that brought nothing', () => {
    expect(offsets([])).toEqual([])
  })

  it('chains pieces from the offset asked for to behind the last record, over gaps', () => {
    const messages = [11, 12, 15, 16, 20, 21, 22].map((offset) => message(offset))
    expect(offsets(messages, [], 10)).toEqual([
      [10, [11, 12, 15], 16],
      [16, [16, 20, 21], 22],
      [22, [22], 23],
    ])
  })

  it('drops what stands before the offset asked for in its batch', () => {
    expect(offsets([message(8), message(9), message(10)], [], 9)).toEqual([[9, [9, 10], 11]])
  })

  it('lets control records at the end move the last piece, and a batch of them alone stand', () => {
    const commit = marker('7', 1)
    const messages = [message(0), message(1), message(2), message(3, commit)]
    expect(offsets(messages)).toEqual([[0, [0, 1, 2], 4]])
    expect(offsets([message(3, commit)], [], 3)).toEqual([[3, [], 4]])
  })

  it('throws where reading would stand still', () => {
    expect(() => offsets([message(3)], [], 4)).toThrow('a fetch at 4 ended before it')
  })
})

describe('batchesOf, with aborted transactions', () => {
  it('drops aborted records until the abort, of that producer alone', () => {
    const messages = [
      message(0, inTransaction('7')),
      message(1, inTransaction('8')),
      message(2, marker('7', 0)),
      message(3, marker('8', 1)),
      message(4, inTransaction('7')),
      message(5, marker('7', 1)),
    ]
    expect(offsets(messages, [{ producerId: '7', firstOffset: 0n }])).toEqual([[0, [1, 4], 6]])
  })

  it('minds neither the order of aborted transactions nor how many began before', () => {
    const messages = [
      message(5, inTransaction('8')),
      message(6, inTransaction('9')),
      message(7, inTransaction('10')),
      message(8, marker('10', 0)),
      message(9, marker('8', 0)),
      message(10, marker('9', 0)),
    ]
    const aborted = [
      { producerId: '10', firstOffset: 7n },
      { producerId: '8', firstOffset: 3n },
      { producerId: '9', firstOffset: 1n },
    ]
    expect(offsets(messages, aborted, 4)).toEqual([[4, [], 11]])
  })

  it('does not take a data record for an abort because of its key', () => {
    const key = Buffer.from([0, 0, 0, 0])
    const messages = [
      message(0, { ...inTransaction('7'), key }),
      message(1, inTransaction('7')),
      message(2, marker('7', 0)),
    ]
    expect(offsets(messages, [{ producerId: '7', firstOffset: 0n }])).toEqual([[0, [], 3]])
  })
})
