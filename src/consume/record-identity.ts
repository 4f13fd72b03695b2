import { createHash } from 'node:crypto'
import type { LogRecord } from '../change.ts'
import type { KafkaOffset } from '../position.ts'

/** Prefix of the hash of a record that compaction may take although nothing newer replaced it. */
const emptied = 'emptied:'

/** The last record applied, as a checkpoint names it: which log this is. */
export function hashOf(
  { offset, timestampMs, key, value }: LogRecord,
  isEmptied: boolean,
): { readonly offset: KafkaOffset; readonly hash: string } {
  const hash = createHash('sha1').update(`${timestampMs} ${key?.length ?? -1} `)
  if (key) hash.update(key)
  if (value) hash.update(value)
  return { offset, hash: `${isEmptied ? emptied : ''}${hash.digest('base64url')}` }
}

/** True for a delete or a tombstone, which may be gone from the log that it was read from. */
export function mayBeGone(hash: string): boolean {
  return hash.startsWith(emptied)
}
