import { SchemaRegistry } from '@kafkajs/confluent-schema-registry'
import avsc, { type Schema, type Type } from 'avsc'
import { MillraceError } from '../errors.ts'
import { withLegalNames } from './legal-names.ts'
import { longHook } from './long.ts'

/** A schema as the registry holds it, and the type that reads what it wrote. */
export type WriterSchema = {
  readonly type: Type
  /** With the attributes that Connect adds, which `type` does not keep. */
  readonly schema: Schema
}

/**
 * What the decoder asks of a schema registry. Every call is bounded, and rejects with a retriable
 * `registry-unavailable` when the registry gives no answer that can be relied on. Schemas never
 * change once they have an id, so they are kept for ever; that an id is unknown is never kept.
 */
export type SchemaSource = {
  /** Undefined when the registry answers that it has no such schema, or none of Avro. */
  schema(id: number): Promise<WriterSchema | undefined>
  /** Whether the registry has any of these, asked now. */
  knowsAny(ids: readonly number[], subjects: readonly string[]): Promise<boolean>
}

export type SchemaSourceOptions = {
  /** Bound of one call, milliseconds. */
  readonly callTimeoutMs: number
}

/** A registry with Confluent's API at `url`, which may hold a user and password. */
export function schemaRegistry(url: string, { callTimeoutMs }: SchemaSourceOptions): SchemaSource {
  const known = new Map<number, WriterSchema>()
  const asking = new Map<number, Promise<WriterSchema | undefined>>()
  const ask = async (id: number) => {
    const found = await fetchSchema(url, callTimeoutMs, id)
    if (found) known.set(id, found)
    return found
  }
  return {
    schema(id) {
      const present = known.get(id)
      if (present) return Promise.resolve(present)
      const asked = asking.get(id) ?? ask(id).finally(() => asking.delete(id))
      asking.set(id, asked)
      return asked
    },
    async knowsAny(ids, subjects) {
      for (const id of ids) if (await fetchSchema(url, callTimeoutMs, id)) return true
      for (const subject of subjects) {
        const { client } = connect(url, callTimeoutMs)
        const latest = await bounded(url, callTimeoutMs, () => client.getLatestSchemaId(subject))
        if (latest !== undefined) return true
      }
      return false
    },
  }
}

async function fetchSchema(
  url: string,
  callTimeoutMs: number,
  id: number,
): Promise<WriterSchema | undefined> {
  const { client, read } = connect(url, callTimeoutMs)
  return bounded(url, callTimeoutMs, async () => {
    try {
      await client.getSchema(id)
      return read.schema
    } catch (error) {
      // The registry answered, with something that no record can have been written by.
      if (read.unreadable) return undefined
      throw error
    }
  })
}

/**
 * A client for one question. A client that is kept waits for ever on a request whose answer broke
 * off in the middle, and gives that same request to whoever asks for the id again.
 */
function connect(url: string, callTimeoutMs: number) {
  const { origin, pathname, username, password } = new URL(url)
  const auth = {
    username: decodeURIComponent(username),
    password: decodeURIComponent(password),
  }
  const read: { schema?: WriterSchema; unreadable?: boolean } = {}
  const client = new SchemaRegistry(
    {
      host: `${origin}${pathname}`.replace(/\/+$/, ''),
      // Its caller has pauses of its own that grow.
      retry: { retries: 0 },
      middlewares: [boundedRequest(callTimeoutMs) as never],
      ...(username ? { auth } : {}),
    },
    {
      AVRO: {
        // The client asks first about the root, so answering there builds all of the schema.
        typeHook: (given, options) => {
          if (given === undefined) throw new Error('an answer without a schema')
          try {
            const schema = withLegalNames(given)
            const type = avsc.Type.forSchema(schema, { ...options, typeHook: longHook })
            read.schema = { type, schema }
            return type
          } catch (error) {
            read.unreadable = true
            throw error
          }
        },
      },
    },
  )
  return { client, read }
}

type Enhanceable = { enhance(extras: object): Enhanceable }

function boundedRequest(callTimeoutMs: number) {
  return () => ({
    prepareRequest: (next: () => Promise<Enhanceable>) =>
      next().then((request) =>
        request.enhance({ timeout: callTimeoutMs, signal: AbortSignal.timeout(callTimeoutMs) }),
      ),
  })
}

/** The answer, or undefined for an honest "not found". Bounded even where bytes only trickle in. */
async function bounded<T>(
  url: string,
  callTimeoutMs: number,
  ask: () => Promise<T>,
): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`no answer within ${callTimeoutMs} ms`)),
      callTimeoutMs + 50,
    )
  })
  try {
    return await Promise.race([ask(), late])
  } catch (error) {
    if (statusOf(error) === 404) return undefined
    throw new MillraceError(
      'registry-unavailable',
      `the schema registry at ${hostOf(url)} gives no answer`,
      {
        cause: error,
        hint: 'Start it, or set MILLRACE_REGISTRY. Everything goes on by itself when it answers.',
      },
    )
  } finally {
    clearTimeout(timer)
  }
}

/** The client gives 400 for whatever went wrong before there was an answer. */
function statusOf(error: unknown): number | undefined {
  const status = error instanceof Error && 'status' in error ? error.status : undefined
  return typeof status === 'number' ? status : undefined
}

function hostOf(url: string): string {
  return new URL(url).host
}
