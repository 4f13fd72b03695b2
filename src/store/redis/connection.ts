import { Command, Redis } from 'ioredis'
import { backoff } from '../../clock.ts'
import { describe, MillraceError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { typeError } from '../checks.ts'
import { redisError } from './redis-errors.ts'
import { readScript, scriptNames, type Script, type ScriptName } from './scripts.ts'
import { rewriteTornLog } from './torn-log.ts'

export type RedisOptions = {
  /** `redis://user:password@host:port/database`. */
  readonly url: string
  /** Bound of one call, of connecting, and of giving up a connection that says nothing. */
  readonly callTimeoutMs: number
  readonly log?: Log
}

/** What a script answers: `redis.call` in RESP2, text as UTF-8. */
export type Reply = string | number | null | readonly Reply[]

/** Pauses between tries to connect again. */
const retryFirstMs = 50
const retryMostMs = 2_000
/** How soon a server that was refused is looked at again. */
const lookAgainMs = 1_000

/**
 * One connection that comes back by itself. Every call is bounded: while Redis is away a call
 * rejects at once, and one whose reply does not come rejects after `callTimeoutMs`. A call whose
 * reply was cut off is sent again by ioredis; every script stands that, because it compares first.
 */
export class RedisConnection {
  readonly #redis: Redis
  readonly #log: Log | undefined
  readonly #scripts: ReadonlyMap<ScriptName, Script>
  /** Why this server must not be used, as looked at after the newest connecting. */
  #unfit: Promise<MillraceError | undefined> = Promise.resolve(undefined)
  #refusedFor: string | undefined
  #lookingAgain: NodeJS.Timeout | undefined
  #closed = false

  /** Use `connect`. */
  constructor(redis: Redis, log: Log | undefined) {
    this.#redis = redis
    this.#log = log
    this.#scripts = new Map(scriptNames.map((name) => [name, readScript(name)]))
  }

  /** Rejects when Redis can't be reached, is too old, or evicts keys. */
  static async connect(options: RedisOptions): Promise<RedisConnection> {
    const redis = openClient(options)
    const connection = new RedisConnection(redis, options.log)
    try {
      await redis.connect()
      await checkServer(connection.#unchecked, options.log)
      const onStart = () => void rewriteTornLog(connection, options.log)
      redis.on('ready', () => {
        connection.#look()
        onStart()
      })
      onStart()
      return connection
    } catch (error) {
      redis.disconnect()
      throw redisError(error, 'connecting')
    }
  }

  /** Flat arguments in one array: spread over a call, 100,000 of them overflow the stack. */
  async run(
    name: ScriptName,
    keys: readonly string[],
    args: readonly string[],
  ): Promise<readonly Reply[]> {
    const script = this.#scripts.get(name)!
    const verb = script.readOnly ? 'evalsha_ro' : 'evalsha'
    const all = [script.sha1, String(keys.length)].concat(keys, args)
    try {
      return checkType((await this.#send(verb, all)) as readonly Reply[])
    } catch (error) {
      if (!isNoScript(error)) throw redisError(error, `script ${name}`)
    }
    // Redis forgets scripts when it is told to (SCRIPT FLUSH) and when it starts again.
    try {
      await this.#send('script', ['LOAD', script.source])
      return checkType((await this.#send(verb, all)) as readonly Reply[])
    } catch (error) {
      throw redisError(error, `script ${name}`)
    }
  }

  async command(name: string, args: readonly string[]): Promise<Reply> {
    try {
      return await this.#send(name, args)
    } catch (error) {
      throw redisError(error, name.toUpperCase())
    }
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#lookingAgain)
    this.#redis.disconnect()
  }

  /**
   * A server that came back may be another one, or started with another configuration. Calls wait
   * for the answer, but for those that ioredis sends again by itself.
   */
  #look(): void {
    clearTimeout(this.#lookingAgain)
    this.#unfit = checkServer(this.#unchecked, this.#log).then(
      () => this.#refuse(undefined),
      (error: unknown) => {
        const reason = redisError(error, 'INFO')
        // A server that is away again says so to each call.
        return reason.retriable ? undefined : this.#refuse(reason)
      },
    )
  }

  #refuse(reason: MillraceError | undefined): MillraceError | undefined {
    if (reason && reason.message !== this.#refusedFor) {
      const { code, message, hint } = reason
      this.#log?.error({ code, reason: message, hint }, 'redis is not used')
    }
    if (!reason && this.#refusedFor) this.#log?.info('redis is used again')
    this.#refusedFor = reason?.message
    if (reason && !this.#closed) {
      this.#lookingAgain = setTimeout(() => this.#look(), lookAgainMs)
    }
    return reason
  }

  async #send(name: string, args: readonly string[]): Promise<Reply> {
    const unfit = await this.#unfit
    if (unfit) throw unfit
    return this.#unchecked(name, args)
  }

  readonly #unchecked = (name: string, args: readonly string[]): Promise<Reply> => {
    const command = new Command(name, args as string[], { replyEncoding: 'utf8' })
    return this.#redis.sendCommand(command) as Promise<Reply>
  }
}

function openClient({ url, callTimeoutMs, log }: RedisOptions): Redis {
  const pauses = backoff(retryFirstMs, retryMostMs)
  const redis = new Redis(url, {
    lazyConnect: true,
    protocol: 2,
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

/** Refuses a server on which the guarantees would not hold. */
async function checkServer(
  ask: (name: string, args: readonly string[]) => Promise<Reply>,
  log: Log | undefined,
): Promise<void> {
  const info = String(await ask('info', []))
  const value = (name: string) => new RegExp(`^${name}:(.*?)\r?$`, 'm').exec(info)?.[1]
  const version = value('redis_version') ?? 'unknown'
  if (Number.parseInt(version, 10) < 7) {
    throw new MillraceError('store-old', `Redis ${version} is too old`, {
      hint: 'Millrace needs Redis 7 or newer: older ones start scripts that they can not finish.',
    })
  }
  const policy = value('maxmemory_policy')
  if (policy === undefined) {
    log?.warn('redis does not tell its maxmemory-policy; any but noeviction corrupts the view')
  } else if (policy !== 'noeviction') {
    throw new MillraceError('store-evicts', `Redis evicts keys: maxmemory-policy is ${policy}`, {
      hint: 'It would drop counters without a word. Mend it: CONFIG SET maxmemory-policy noeviction, and in redis.conf.',
    })
  }
}

function checkType(reply: readonly Reply[]): readonly Reply[] {
  if (reply[0] === 'type') throw typeError(String(reply[1]), String(reply[2]))
  return reply
}

function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}
