import { describe, type MillraceError } from '../../errors.ts'
import type { StoreFault } from '../store.ts'
import { aclRules } from './acl.ts'
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
  const lacking = (await missingRules(connection, keys, user)).join(' ')
  if (lacking === '') return server
  const what = `Redis: the user ${user} lacks ${lacking}`
  const cure =
    `ACL SETUSER ${user} ${lacking}, and the same in redis.conf or the ACL file. ` +
    'All that a worker needs stands in src/store/redis/acl.ts.'
  return [...server, { what, cure }]
}

/** Each command that a connected worker can't do without, with as many arguments as it takes. */
const commands =
  'del k|evalsha s 1 k|evalsha_ro s 1 k|exists k|get k|hdel k f|hexists k f|hget k f|hgetall k|' +
  'hincrby k f 1|hkeys k|hlen k|hmget k f|hset k f v|hvals k|persist k|pexpire k 1|' +
  'rename k k|scan 0|script load s|set k v|time|type k|unlink k|zadd k 1 i|zcard k|zmscore k i|' +
  'zrange k 0 1|zrem k i|zscan k 0'

/** Rules of `ACL SETUSER` that this user would need besides those that it has. */
async function missingRules(
  connection: RedisConnection,
  keys: ViewKeys,
  user: string,
): Promise<readonly string[]> {
  const dryRun = async (command: string, key: string) => {
    const words = command.split(' ').map((word) => (word === 'k' ? key : word))
    return String(await connection.ask('acl', ['dryrun', user, ...words]).catch(describe))
  }
  const missing: string[] = []
  for (const command of commands.split('|')) {
    const said = await dryRun(command, keys.state)
    if (said.includes('acl|dryrun')) return ['+acl|dryrun']
    const [name, part] = command.split(' ')
    if (/ run the /.test(said)) missing.push(name === 'script' ? `+${name}|${part}` : `+${name}`)
  }
  for (const key of [keys.state, keys.checkpoints, keys.entry('0'), `${keys.tallyPrefix('t')}0`]) {
    if (!/ access /.test(await dryRun('type k', key))) continue
    const own = aclRules('worker', [keys.view]).filter((rule) => rule.startsWith('~'))
    return [...missing, ...own]
  }
  return missing
}

function faultOf({ message, hint }: MillraceError): StoreFault {
  return { what: message, cure: hint }
}
