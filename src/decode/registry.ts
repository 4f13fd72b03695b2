import { SchemaRegistry } from '@kafkajs/confluent-schema-registry'
import avsc, { type Schema, type Type } from 'avsc'
import { MillraceError } from '../errors.ts'
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
  const raw = new WeakMap<object, Schema>()
  const client = connect(url, callTimeoutMs, raw)
  return {
    async schema(id) {
      const type = await found(url, callTimeoutMs, () => client.getSchema(id))
      const schema = type === undefined ? undefined : raw.get(type)
      return schema === undefined ? undefined : { type: type as unknown as Type, schema }
    },
    async knowsAny(ids, subjects) {
      // A client of its own asks again what the other one remembers.
      const fresh = connect(url, callTimeoutMs, raw)
      for (const id of ids) {
        if (await found(url, callTimeoutMs, () => fresh.getSchema(id))) return true
      }
      for (const subject of subjects) {
        const latest = await found(url, callTimeoutMs, () => fresh.getLatestSchemaId(subject))
        if (latest !== undefined) return true
      }
      return false
    },
  }
}

function connect(url: string, callTimeoutMs: number, raw: WeakMap<object, Schema>) {
  const { origin, pathname, username, password } = new URL(url)
  const host = `${origin}${pathname}`.replace(/\/+$/, '')
  const credentials = {
    username: decodeURIComponent(username),
    password: decodeURIComponent(password),
  }
  const bounded = () => ({
    prepareRequest: (next: () => Promise<Enhanceable>) =>
      next().then((request) =>
        request.enhance({ timeout: callTimeoutMs, signal: AbortSignal.timeout(callTimeoutMs) }),
      ),
  })
  return new SchemaRegistry(
    {
      host,
      // Its caller has pauses of its own that grow.
      retry: { retries: 0 },
      middlewares: [bounded as never],
      ...(username ? { auth: credentials } : {}),
    },
    { AVRO: { typeHook: (schema, options) => wholeType(schema, options, raw) } },
  )
}

type Enhanceable = { enhance(extras: object): Enhanceable }

/**
 * The client asks this hook about a schema's root first, so answering there builds all of it: with
 * 64-bit numbers exact, and with the schema's own text kept beside.
 */
function wholeType(schema: Schema, options: object, raw: WeakMap<object, Schema>): Type {
  if (schema === undefined) throw new Error('an answer without a schema')
  try {
    const type = avsc.Type.forSchema(schema, { ...options, typeHook: longHook })
    raw.set(type, schema)
    return type
  } catch (cause) {
    throw new UnreadableSchema('not a schema of Avro', { cause })
  }
}

/** The registry answered, with something that no record can have been written by. */
class UnreadableSchema extends Error {}

/** The answer, or undefined for an honest "not found". Bounded even where bytes only trickle in. */
async function found<T>(
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
    if (statusOf(error) === 404 || error instanceof UnreadableSchema) return undefined
    throw new MillraceError(
      'registry-unavailable',
      `the schema registry at ${hostOf(url)} gives no answer`,
      {
        retriable: true,
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
