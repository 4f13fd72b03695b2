import { inspect } from 'node:util'

export type MillraceErrorOptions = {
  /** True when the same call may go through later without anybody's help. */
  readonly retriable?: boolean
  readonly cause?: unknown
  /** What the person on duty can do about it, in one or two sentences. */
  readonly hint?: string
}

/**
 * A fault of the world, named for machines by `code` and for people by `message` and `hint`.
 * A bug is not one of these: it throws an ordinary Error and ends the process.
 */
export class MillraceError extends Error {
  readonly code: string
  readonly retriable: boolean
  readonly hint: string | undefined

  constructor(code: string, message: string, options: MillraceErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'MillraceError'
    this.code = code
    this.retriable = options.retriable ?? false
    this.hint = options.hint
  }
}

/** What a view holds can't be continued from this log: only building it anew makes it right. */
export class RebuildNeeded extends MillraceError {
  constructor(code: string, reason: string) {
    super(code, reason, { hint: 'The view is built anew by itself; nothing needs to be done.' })
    this.name = 'RebuildNeeded'
  }
}

/** For the `default` of a switch over a closed union. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${inspect(value, { depth: 1 })}`)
}

/** The innermost sentence that a fault has to say, for a log line or a problem document. */
export function describe(error: unknown): string {
  if (!Error.isError(error)) return String(error)
  const own = error.message || ('code' in error ? String(error.code) : error.name)
  return error.cause === undefined ? own : `${own}: ${describe(error.cause)}`
}
