/**
 * What a user of Redis needs to be allowed, and no more. A worker writes, compares and coordinates;
 * a reader asks for entries and for the status. Both run Lua scripts, which Redis holds to the
 * rights of the user that runs them, and load the scripts that Redis has forgotten.
 *
 *     ACL SETUSER millrace-worker on >password <aclRules('worker', ['user-information'])>
 *
 * SCAN, which a worker needs, shows the names of other people's keys; nothing in them can be read.
 */
import { viewKeys, escapeGlob } from './keys.ts'

/**
 * Rules for the user `default` where nobody is to come in without a name. It keeps every right all
 * the same, for Redis replays its append-only file as this user: see `default-user.ts`.
 */
export const defaultUserRules: readonly string[] = ['reset', 'off', '~*', '&*', '+@all']

/** Rules of `ACL SETUSER` for these views: keys and commands, without name and password. */
export function aclRules(kind: 'worker' | 'reader', views: readonly string[]): string[] {
  const access = kind === 'worker' ? '~' : '%R~'
  const keys = views.flatMap((view) => {
    const { state, entryPattern } = viewKeys(view)
    return [entryPattern, escapeGlob(state), `${escapeGlob(state)}:*`]
  })
  const commands = kind === 'worker' ? [...readerCommands, ...workerCommands] : readerCommands
  return [
    'resetkeys',
    'resetchannels',
    '-@all',
    ...commands.map((command) => `+${command}`),
    ...keys.map((key) => `${access}${key}`),
  ]
}

const readerCommands = [
  'evalsha_ro',
  'script|load',
  'info',
  'exists',
  'hgetall',
  'hlen',
  'hmget',
  'hvals',
  'time',
  'zrange',
]

const workerCommands = [
  'acl|dryrun',
  'bgrewriteaof',
  'del',
  'evalsha',
  'get',
  'hdel',
  'hexists',
  'hget',
  'hincrby',
  'hkeys',
  'hset',
  'persist',
  'pexpire',
  'rename',
  'scan',
  'set',
  'type',
  'unlink',
  'zadd',
  'zcard',
  'zmscore',
  'zrem',
  'zscan',
]
