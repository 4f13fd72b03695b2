import { describe, type MillraceError } from '../../errors.ts'
import type { StoreFault } from '../store.ts'
import type { RedisConnection } from './connection.ts'
import type { ViewKeys } from './keys.ts'

/** How the server is configured, and what a worker does that this user may not. */
export async function redisFaults(
  connection: RedisConnection,
  keys: ViewKeys,
  url: string,
): Promise<readonly StoreFault[]> {
  const { unfit, unsafe } = connection.verdict
  const server = [unfit, unsafe].flatMap((error) => (error ? [faultOf(error)] : []))
  const user = decodeURIComponent(new URL(url).username) || 'default'
  const entry = keys.entry('0')
  const tally = `${keys.tallyPrefix('any')}0`
  const worked = [
    ['hset', entry, 'field', 'value'],
    ['hincrby', entry, 'field', '1'],
    ['del', entry],
    ['hset', keys.state, 'field', 'value'],
    ['set', keys.wanted, 'value'],
    ['rename', entry, keys.displaced(entry)],
    ['zadd', tally, '1', 'item'],
    ['zcard', tally],
    ['scan', '0'],
    ['evalsha', '0', '0'],
  ]
  for (const command of worked) {
    const said = await connection.ask('acl', ['dryrun', user, ...command]).catch(describe)
    if (said !== 'OK') {
      const cure =
        'Give it the rights of a worker (src/store/redis/acl.ts): its own keys alone, and what ' +
        'scripts do there.'
      return [...server, { what: `Redis: ${String(said)}`, cure }]
    }
  }
  return server
}

function faultOf({ message, hint }: MillraceError): StoreFault {
  return { what: message, cure: hint }
}
