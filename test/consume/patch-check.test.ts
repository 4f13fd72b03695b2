import { decodeRecordBatches } from '../../src/consume/kafka/kafkajs-internals.ts'
import { assertPatched, emptiedBatch } from '../../src/consume/kafka/patch-check.ts'

describe('the patch of kafkajs', () => {
  it('is applied', async () => {
    await expect(assertPatched()).resolves.toBeUndefined()
  })

  it('ends an emptied batch in a control record, also between others', async () => {
    const bytes = Buffer.concat([emptiedBatch(0n, 4), emptiedBatch(5n, 0)])
    const messages = await decodeRecordBatches(bytes)
    expect(messages.map(({ offset }) => offset)).toEqual(['4', '5'])
    expect(messages.every(({ isControlRecord, value }) => isControlRecord && !value)).toBe(true)
  })

  it('adds nothing to a batch that was cut off', async () => {
    const bytes = Buffer.concat([emptiedBatch(0n, 4), emptiedBatch(5n, 9).subarray(0, 55)])
    const messages = await decodeRecordBatches(bytes)
    expect(messages.map(({ offset }) => offset)).toEqual(['4'])
  })
})
