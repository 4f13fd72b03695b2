import { MillraceError } from '../../errors.ts'
import { decodeRecordBatches } from './kafkajs-internals.ts'

/**
 * Refuses to run with a kafkajs that lacks our patch: such a reader stands still for ever, without
 * a word, at a batch that compaction has emptied. Looks at what it does, not at its files.
 */
export async function assertPatched(): Promise<void> {
  const messages = await decodeRecordBatches(emptiedBatch(40n, 2))
  if (messages.length === 1 && messages[0]?.offset === '42' && messages[0].isControlRecord) return
  throw new MillraceError('kafkajs-unpatched', 'the installed kafkajs lacks its patch', {
    hint:
      'The package brings it patched: install millrace with npm. ' +
      'In a clone of its repository, run `npm ci` without --ignore-scripts.',
  })
}

/** A record batch of the log's format 2, all records of which are gone. */
export function emptiedBatch(firstOffset: bigint, lastOffsetDelta: number): Buffer {
  const bytes = Buffer.alloc(61)
  bytes.writeBigInt64BE(firstOffset, 0)
  bytes.writeInt32BE(bytes.length - 12, 8)
  bytes.writeInt8(2, 16)
  bytes.writeInt32BE(lastOffsetDelta, 23)
  return bytes
}
