import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { aclRules, defaultUserRules } from '../../store/redis/acl.ts'
import { makePrivateFolder, type Folders } from '../folders.ts'
import { userOf } from '../urls.ts'
import type { ProcessSpec } from '../processes.ts'

/** URLs of the users to be made, with their passwords. */
export type RedisUsers = {
  readonly worker: string
  readonly reader: string
  /** Names of the views whose entries they keep and read. */
  readonly views: readonly string[]
}

/** The same, and the administrator. */
export type RedisServerUsers = RedisUsers & { readonly admin: string }

export type RedisOptions = {
  readonly path: string
  readonly port: number
  readonly users: RedisServerUsers
  /** Further arguments, as `['--maxmemory', '10mb']`. */
  readonly args?: readonly string[] | undefined
}

/**
 * Durable to a second, and never evicting on its own; the Compose file has the same. Redis starts from
 * its append-only file, so nobody would read the snapshots that it writes by default, up to one a
 * minute, of all that it holds.
 */
export const redisSettings: Readonly<Record<string, string>> = {
  appendonly: 'yes',
  appendfsync: 'everysec',
  save: "''",
  'maxmemory-policy': 'noeviction',
}

/**
 * Writes Redis's settings and users, for their owner alone, and answers how it is started. What a
 * process is given as arguments could be read by everybody on the machine.
 */
export function redisSpec(folders: Folders, options: RedisOptions): ProcessSpec {
  const data = join(folders.data, 'redis')
  const settingsPath = join(folders.settings, 'redis.conf')
  makePrivateFolder(data)
  makePrivateFolder(folders.settings)
  const settings = {
    bind: '127.0.0.1',
    port: String(options.port),
    dir: `"${data}"`,
    ...redisSettings,
    daemonize: 'no',
  }
  const lines = Object.entries(settings).map(([key, value]) => `${key} ${value}`)
  const users = usersOf(options.users).map((user) => `user ${user.join(' ')}`)
  writeFileSync(settingsPath, `${[...lines, ...users].join('\n')}\n`, { mode: 0o600 })
  return {
    name: 'redis',
    command: options.path,
    args: [settingsPath, ...(options.args ?? [])],
    env: { PATH: process.env.PATH ?? '' },
    cwd: data,
    logPath: join(folders.logs, 'redis.log'),
    niceness: 0,
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 20_000,
  }
}

type RedisUser = readonly [name: string, ...rules: string[]]

/**
 * Nobody gets in without a password. Redis replays its append-only file as the user `default`, who
 * is off and all the same has to be allowed everything, or a restart would lose what was written.
 */
function usersOf(users: RedisServerUsers): readonly RedisUser[] {
  return [
    ['default', ...defaultUserRules],
    userRules(users.admin, ['~*', '&*', '+@all']),
    ...usersOfViews(users),
  ]
}

function usersOfViews({ worker, reader, views }: RedisUsers): RedisUser[] {
  return [
    userRules(worker, aclRules('worker', views)),
    userRules(reader, aclRules('reader', views)),
  ]
}

/** As `ACL SETUSER` takes it, with a hash in place of the password. */
function userRules(url: string, rules: readonly string[]): RedisUser {
  const [name, password] = userOf(url)
  const hash = createHash('sha256').update(password).digest('hex')
  return [name, 'reset', 'on', `#${hash}`, ...rules]
}

/** Throws while Redis doesn't answer, or still loads its data. */
export async function redisAnswers(url: string): Promise<void> {
  await withRedis(url, async (redis) => void (await redis.ping()))
}

/**
 * Makes the users of workers and APIs in a Redis that somebody else started. Answers false when
 * that Redis keeps its users in no file, and so forgets these when it starts anew.
 */
export async function setUpRedis(admin: string, users: RedisUsers): Promise<boolean> {
  let kept = true
  await withRedis(admin, async (redis) => {
    for (const [name, ...rules] of usersOfViews(users)) {
      await redis.acl('SETUSER', name, ...rules)
    }
    await redis.acl('SAVE').catch(() => (kept = false))
  })
  return kept
}

async function withRedis(url: string, work: (redis: Redis) => Promise<void>): Promise<void> {
  const redis = new Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: 1_000,
    commandTimeout: 2_000,
  })
  redis.on('error', () => {})
  try {
    await redis.connect()
    await work(redis)
  } finally {
    redis.disconnect()
  }
}
