import { MillraceError } from '../../errors.ts'
import type { ViewKeys } from './keys.ts'

/** Sends one command; answers what Redis says, or rejects. */
type Ask = (name: string, args: readonly string[]) => Promise<unknown>

/**
 * Whether a restart would lose what scripts have written, as long as nobody mends it.
 *
 * Redis replays its append-only file as the user `default`. It asks nobody's leave for a single
 * command, but for what one script wrote together it asks whether that user may do so, and drops
 * it without a word where it may not (Redis mends it in its pull request 14545, Valkey in its
 * 3984). So `default` needs the rights, even where it is off and nobody can come in by it.
 *
 * Answers undefined where the user of this connection may not know.
 */
export async function replayFault(
  ask: Ask,
  info: string,
  keys: ViewKeys,
): Promise<MillraceError | undefined> {
  if (!/^aof_enabled:1\r?$/m.test(info)) return undefined
  const entry = keys.entry('0')
  const tally = `${keys.tallyPrefix('any')}0`
  const written = [
    ['hset', entry, 'field', 'value'],
    ['hincrby', entry, 'field', '1'],
    ['del', entry],
    ['zadd', tally, '1', 'item'],
    ['zrem', tally, 'item'],
  ]
  for (const command of written) {
    const said = await ask('acl', ['dryrun', 'default', ...command]).catch(() => 'OK')
    if (said !== 'OK') return faultOf(String(said))
  }
  return undefined
}

function faultOf(said: string): MillraceError {
  return new MillraceError(
    'store-refused',
    `Redis would lose what is written to it when it starts again: ${said}`,
    {
      hint:
        'It replays its append-only file as the user default, who must be allowed everything, ' +
        'though nobody comes in by that name: ACL SETUSER default off ~* &* +@all, and the same ' +
        'in redis.conf or the ACL file.',
    },
  )
}
