import { Command, type Redis } from 'ioredis'
import type { MillraceError } from '../../errors.ts'
import type { Log } from '../../log.ts'
import { openClient, type ClientOptions } from './client.ts'
import { replayFault } from './default-user.ts'
import type { ViewKeys } from './keys.ts'
import { foundError, redisError } from './redis-errors.ts'
import { readScript, scriptNames, type Script, type ScriptName } from './scripts.ts'
import { judgeServer, type ServerVerdict } from './server-check.ts'
import { rewriteTornLog } from './torn-log.ts'

export type RedisOptions = ClientOptions & {
  /** The view's, by which errors name an entry. */
  readonly keys: ViewKeys
  /** How often a server that is connected is looked at. */
  readonly lookEveryMs?: number
  /** For whoever only reads: Redis is asked for nothing but what is read. */
  readonly readOnly?: boolean
}

/** What a script answers: `redis.call` in RESP2, text as UTF-8. */
export type Reply = string | number | null | readonly Reply[]

/** The same in bytes. */
export type ByteReply = Buffer | number | null | readonly ByteReply[]

type Call = {
  readonly name: string
  readonly args: readonly string[]
  readonly writes: boolean
  readonly encoding?: 'utf8' | null
}

/** How Redis is configured, and by whom it is used, may change at any time. */
const lookEveryMs = 30_000
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
  readonly #keys: ViewKeys
  readonly #lookEveryMs: number
  readonly #warned = new Set<string>()
  /** Set while a server that came back was not looked at: it may be another one. */
  #looking: Promise<void> | undefined
  #verdict: Pick<ServerVerdict, 'unfit' | 'unsafe'> = { unfit: undefined, unsafe: undefined }
  #nextLook: NodeJS.Timeout | undefined
  #closed = false

  /** Use `connect`. */
  constructor(redis: Redis, options: RedisOptions) {
    this.#redis = redis
    this.#log = options.log
    this.#keys = options.keys
    this.#lookEveryMs = options.lookEveryMs ?? lookEveryMs
    this.#scripts = new Map(scriptNames.map((name) => [name, readScript(name)]))
  }

  /** Rejects when Redis can't be reached or used. One that keeps no promise may be read from. */
  static async connect(options: RedisOptions): Promise<RedisConnection> {
    const redis = openClient(options)
    const connection = new RedisConnection(redis, options)
    try {
      await redis.connect()
      connection.#judge(await connection.#inspect())
      if (connection.#verdict.unfit) throw connection.#verdict.unfit
      const onStart = () => {
        if (!options.readOnly) void rewriteTornLog(connection, options.log)
      }
      redis.on('ready', () => {
        connection.#lookFirst()
        onStart()
      })
      onStart()
      return connection
    } catch (error) {
      connection.close()
      throw redisError(error, 'connecting')
    }
  }

  /** Runs a script; what it answers but for `type`, which is an error. */
  async run(
    name: ScriptName,
    keys: readonly string[],
    args: readonly string[],
  ): Promise<readonly Reply[]> {
    return (await this.#run(name, [keys, args], 'utf8')) as readonly Reply[]
  }

  /** The same, where what is answered may be no text. */
  async runForBytes(
    name: ScriptName,
    keys: readonly string[],
    args: readonly string[],
  ): Promise<readonly ByteReply[]> {
    return (await this.#run(name, [keys, args], null)) as readonly ByteReply[]
  }

  /** A single command that changes nothing. */
  async ask(name: string, args: readonly string[]): Promise<Reply> {
    try {
      return (await this.#send({ name, args, writes: false })) as Reply
    } catch (error) {
      throw commandError(error, name, args)
    }
  }

  /** What the last look at the server has found. */
  get verdict(): Pick<ServerVerdict, 'unfit' | 'unsafe'> {
    return this.#verdict
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#nextLook)
    this.#redis.disconnect()
  }

  /** Flat arguments in one array: spread over a call, 100,000 of them overflow the stack. */
  async #run(
    name: ScriptName,
    [keys, args]: readonly [readonly string[], readonly string[]],
    encoding: 'utf8' | null,
  ): Promise<readonly unknown[]> {
    const script = this.#scripts.get(name)!
    const verb = script.readOnly ? 'evalsha_ro' : 'evalsha'
    const call = {
      name: verb,
      args: [script.sha1, String(keys.length)].concat(keys, args),
      writes: !script.readOnly,
      encoding,
    }
    try {
      return this.#checkFound((await this.#sendScript(script, call)) as readonly unknown[])
    } catch (error) {
      throw redisError(error, `script ${name}`)
    }
  }

  async #sendScript(script: Script, call: Call): Promise<unknown> {
    try {
      return await this.#send(call)
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
    }
    // Redis forgets scripts when it is told to (SCRIPT FLUSH) and when it starts again.
    await this.#send({ name: 'script', args: ['LOAD', script.source], writes: false })
    return this.#send(call)
  }

  #checkFound(reply: readonly unknown[]): readonly unknown[] {
    if (String(reply[0]) !== 'type') return reply
    const key = String(reply[1])
    throw foundError(key, String(reply[2]), this.#keys.entryOf(key))
  }

  async #send(call: Call): Promise<unknown> {
    if (this.#looking) await this.#looking
    const { unfit, unsafe } = this.#verdict
    if (unfit) throw unfit
    if (call.writes && unsafe) throw unsafe
    return this.#unchecked(call)
  }

  #unchecked({ name, args, encoding = 'utf8' }: Omit<Call, 'writes'>): Promise<unknown> {
    const command = new Command(name, args as string[], { replyEncoding: encoding })
    return this.#redis.sendCommand(command) as Promise<unknown>
  }

  /** Calls wait for what is found, but for those that ioredis sends again by itself. */
  #lookFirst(): void {
    const looking = this.#look().finally(() => {
      if (this.#looking === looking) this.#looking = undefined
    })
    this.#looking = looking
  }

  /** What was found stands until the next look; a server that is away says so to each call. */
  async #look(): Promise<void> {
    clearTimeout(this.#nextLook)
    try {
      this.#judge(await this.#inspect())
    } catch (error) {
      const reason = redisError(error, 'INFO')
      if (!reason.retriable) this.#judge({ unfit: reason, unsafe: undefined, warnings: [] })
      else this.#lookAfter(lookAgainMs)
    }
  }

  async #inspect(): Promise<ServerVerdict> {
    const ask = (name: string, args: readonly string[]) => this.#unchecked({ name, args })
    const info = String(await ask('info', []))
    const verdict = judgeServer(info)
    const unsafe = verdict.unsafe ?? (await replayFault(ask, info, this.#keys))
    return { ...verdict, unsafe }
  }

  #judge({ unfit, unsafe, warnings }: ServerVerdict): void {
    for (const { message, hint } of warnings) {
      if (!this.#warned.has(message)) this.#log?.warn({ hint }, message)
      this.#warned.add(message)
    }
    this.#say(this.#verdict.unfit, unfit, 'redis is not used')
    this.#say(this.#verdict.unsafe, unsafe, 'redis is read, and nothing is written to it')
    this.#verdict = { unfit, unsafe }
    this.#lookAfter(unfit || unsafe ? lookAgainMs : this.#lookEveryMs)
  }

  #say(before: MillraceError | undefined, now: MillraceError | undefined, what: string): void {
    if (now && now.message !== before?.message) {
      this.#log?.error({ code: now.code, reason: now.message, hint: now.hint }, what)
    }
    if (!now && before) this.#log?.info({ reason: before.message }, 'redis is used again')
  }

  #lookAfter(ms: number): void {
    clearTimeout(this.#nextLook)
    if (this.#closed) return
    this.#nextLook = setTimeout(() => void this.#look(), Math.min(ms, this.#lookEveryMs)).unref()
  }
}

function commandError(error: unknown, name: string, args: readonly string[]): MillraceError {
  const message = error instanceof Error ? error.message : ''
  if (message.startsWith('WRONGTYPE')) return foundError(args[0] ?? '', message, undefined)
  return redisError(error, name.toUpperCase())
}
