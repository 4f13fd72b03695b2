import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { Folders } from '../folders.ts'
import type { ProcessSpec } from '../processes.ts'

export type RedisOptions = {
  readonly path: string
  readonly port: number
  /** Further arguments, as `['--maxmemory', '10mb']`. */
  readonly args?: readonly string[] | undefined
}

/** Answers how Redis is started: durable to a second, and never evicting on its own. */
export function redisSpec(folders: Folders, options: RedisOptions): ProcessSpec {
  const data = join(folders.data, 'redis')
  mkdirSync(data, { recursive: true })
  const settings = {
    bind: '127.0.0.1',
    port: String(options.port),
    dir: data,
    appendonly: 'yes',
    appendfsync: 'everysec',
    'maxmemory-policy': 'noeviction',
    daemonize: 'no',
  }
  return {
    name: 'redis',
    command: options.path,
    args: [
      ...Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value]),
      ...(options.args ?? []),
    ],
    env: { PATH: process.env.PATH ?? '' },
    cwd: data,
    logPath: join(folders.logs, 'redis.log'),
    niceness: 0,
    stopSignal: 'SIGTERM',
    stopTimeoutMs: 20_000,
  }
}

/** Throws while Redis doesn't answer, or still loads its data. */
export async function redisAnswers(url: string): Promise<void> {
  const redis = new Redis(url, {
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: 1_000,
    commandTimeout: 2_000,
  })
  redis.on('error', () => {})
  try {
    await redis.connect()
    await redis.ping()
  } finally {
    redis.disconnect()
  }
}
