import { Redis } from 'ioredis'
import { backoff } from '../../clock.ts'
import { describe, MillraceError } from '../../errors.ts'
import type { Log } from '../../log.ts'

export type ClientOptions = {
  /**
   * `redis://user:password@host:port/database`, or `rediss://…` for TLS. What is no letter or digit
   * in user and password is percent-encoded.
   */
  readonly url: string
  /** Bound of one call, of connecting, and of giving up a connection that says nothing. */
  readonly callTimeoutMs: number
  readonly log?: Log
}

/** Pauses between tries to connect again. */
const retryFirstMs = 50
const retryMostMs = 2_000

/** A client that is not connected yet, and that comes back by itself. */
export function openClient({ url, callTimeoutMs, log }: ClientOptions): Redis {
  const pauses = backoff(retryFirstMs, retryMostMs)
  const redis = new Redis({
    ...parseRedisUrl(url),
    lazyConnect: true,
    protocol: 2,
    disableClientInfo: true,
    connectTimeout: callTimeoutMs,
    commandTimeout: callTimeoutMs,
    socketTimeout: callTimeoutMs * 2,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: true,
    maxRetriesPerRequest: 3,
    retryStrategy: () => pauses.nextMs(),
    // After a failover the old primary says READONLY; connecting again may find the new one.
    reconnectOnError: (error) => error.message.startsWith('READONLY'),
  })
  let away = false
  redis.on('ready', () => {
    pauses.reset()
    if (away) log?.info('redis is back')
    away = false
  })
  redis.on('error', (error: Error) => {
    if (!away) log?.warn({ reason: describe(error) }, 'redis is away, trying again')
    away = true
  })
  return redis
}

/** Throws `config` for what is no such URL, and never shows it: it holds a password. */
export function parseRedisUrl(text: string) {
  const url = URL.parse(text)
  const database = /^\/?(\d*)$/.exec(url?.pathname ?? 'none')?.[1]
  const isRedis = url !== null && ['redis:', 'rediss:'].includes(url.protocol)
  // What an unescaped / ? or # cuts off would be taken for host and port.
  if (!isRedis || url.hostname === '' || database === undefined || url.search || url.hash) {
    throw urlError()
  }
  try {
    return {
      host: url.hostname.replaceAll(/^\[|\]$/g, ''),
      port: Number(url.port || 6379),
      db: Number(database),
      ...(url.username && { username: decodeURIComponent(url.username) }),
      ...(url.password && { password: decodeURIComponent(url.password) }),
      ...(url.protocol === 'rediss:' && { tls: {} }),
    }
  } catch {
    throw urlError()
  }
}

function urlError(): MillraceError {
  return new MillraceError('config', 'MILLRACE_REDIS is no URL of a Redis that can be read', {
    hint:
      'Its form is redis://user:password@host:port/database, or rediss:// for TLS. Write @ / ? # ' +
      'and % in user and password as %40 %2F %3F %23 and %25.',
  })
}
