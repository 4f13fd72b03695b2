import { MillraceError } from '../../errors.ts'
import type { ScanPage } from '../audit.ts'
import { limits } from '../limits.ts'
import type { RedisConnection } from './connection.ts'
import type { ViewKeys } from './keys.ts'

/** One page of the keys of a view's entries. */
export async function scanEntries(
  connection: RedisConnection,
  keys: ViewKeys,
  cursor: string | undefined,
): Promise<ScanPage> {
  const page = await scanKeys(connection, keys.entryPattern, cursor)
  return { ...page, keys: [...new Set(page.keys.flatMap((key) => keys.entryOf(key) ?? []))] }
}

/** One page of keys that match; a cursor is `<run id> <cursor of SCAN>`. */
export async function scanKeys(
  connection: RedisConnection,
  pattern: string,
  cursor: string | undefined,
): Promise<ScanPage> {
  const [run, at] = cursor?.split(' ') ?? ['', '0']
  const args = [run!, at!, pattern, String(limits.scanPageKeys)]
  const [kind, process, next, found] = await connection.run('scan', [], args)
  if (kind === 'lost') throw scanLost()
  return {
    keys: found as readonly string[],
    cursor: next === '0' ? undefined : `${String(process)} ${String(next)}`,
  }
}

export function scanLost(): MillraceError {
  return new MillraceError('scan-lost', 'a scan was begun in a Redis that is another one now', {
    hint: 'Redis has started again or failed over. The scan begins anew by itself.',
  })
}
