import { inspect, types } from 'node:util'

/**
 * Every fault of the world that Millrace has a name for, and what each means to a caller:
 *
 * - `away`: the same call may go through later without anybody's help.
 * - `waits`: it goes through once somebody has mended what the message names; tried again all the
 *   same, for nobody tells when that was.
 * - `refused`: trying again is of no use.
 */
const kinds = {
  // What was asked for on the command line or in the environment.
  arguments: 'refused',
  config: 'refused',
  'view-invalid': 'refused',
  interrupted: 'refused',

  // The source database.
  'source-unavailable': 'away',
  'source-refused': 'waits',
  'source-unfit': 'waits',
  'source-busy': 'away',

  // Kafka Connect and the connector.
  'connect-unavailable': 'away',
  'connect-refused': 'waits',
  'connect-answer': 'waits',
  'connector-failed': 'waits',
  'another-source': 'waits',

  // The log.
  'kafka-away': 'away',
  'kafka-refused': 'refused',
  'kafka-compression': 'waits',
  'kafkajs-unpatched': 'refused',
  'markers-unread': 'waits',
  'topic-missing': 'waits',
  'topic-unfit': 'waits',
  'out-of-range': 'refused',
  'fetch-failed': 'away',

  // What a log can't be continued from; each is a doubt of the same name.
  'log-start-passed': 'refused',
  'another-log': 'refused',
  'compaction-overtaken': 'refused',
  'window-full': 'refused',

  // Decoding.
  'registry-unavailable': 'away',
  'schema-unknown': 'away',
  'column-gone': 'waits',
  'column-retyped': 'waits',
  'debezium-too-old': 'waits',

  // Stores.
  'store-away': 'away',
  'store-full': 'away',
  'store-refused': 'refused',
  'store-type': 'refused',
  'store-overflow': 'refused',
  'store-old': 'refused',
  'store-evicts': 'waits',
  'store-newer': 'refused',
  'store-layout': 'refused',
  'store-occupied': 'waits',
  'scan-lost': 'away',
  'keep-held': 'waits',
  'declaration-unknown': 'waits',
  'declaration-replaced': 'waits',

  // Looking at a view.
  'not-serving': 'away',
  'look-behind': 'away',
  'look-void': 'away',
  'no-worker': 'away',

  // Reading.
  overloaded: 'away',
  'read-timeout': 'away',
  'read-failed': 'refused',
  'call-timeout': 'away',

  // Tools.
  'already-running': 'refused',
  'api-away': 'refused',
  bench: 'refused',
  command: 'refused',
  'download-lock': 'refused',
  download: 'refused',
  init: 'refused',
  'java-missing': 'refused',
  'kafka-data': 'refused',
  'maven-missing': 'refused',
  'package-missing': 'refused',
  'package-too-old': 'refused',
  'no-chain': 'refused',
  'not-ready': 'refused',
  'port-busy': 'refused',
  spawn: 'refused',
  stop: 'refused',
  traffic: 'refused',
} as const satisfies Readonly<Record<string, 'away' | 'waits' | 'refused'>>

export type ErrorCode = keyof typeof kinds

export type MillraceErrorOptions = {
  readonly cause?: unknown
  /** What the person on duty can do about it, in one or two sentences. */
  readonly hint?: string
  /** The key of the entry that the fault is about, where it is about one. */
  readonly entry?: string
}

/**
 * A fault of the world, named for machines by `code` and for people by `message` and `hint`.
 * A bug is not one of these: it throws an ordinary Error and ends the process.
 */
export class MillraceError extends Error {
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly entry: string | undefined

  constructor(code: ErrorCode, message: string, options: MillraceErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'MillraceError'
    this.code = code
    this.hint = options.hint
    this.entry = options.entry
  }

  /** True when the same call may go through later. */
  get retriable(): boolean {
    return kinds[this.code] !== 'refused'
  }

  /** True when it goes through later only if somebody mends something. */
  get waitsForPeople(): boolean {
    return kinds[this.code] === 'waits'
  }
}

/** For the `default` of a switch over a closed union. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${inspect(value, { depth: 1 })}`)
}

/** The innermost sentence that a fault has to say, for a log line or a problem document. */
export function describe(error: unknown): string {
  if (!isError(error)) return String(error)
  const own = error.message || ('code' in error ? String(error.code) : error.name)
  return error.cause === undefined ? own : `${own}: ${describe(error.cause)}`
}

/** The lines that a command says of a fault: what happened, then what can be done about it. */
export function describeWithHint(error: MillraceError): string {
  const hint = error.hint === undefined ? '' : `${error.hint.trimEnd()}\n`
  return `${describe(error)}\n${hint}`
}

/** Also of another realm. Node 22 lacks `Error.isError`. */
function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value)
}
