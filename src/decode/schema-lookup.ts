import type { Clock } from '../clock.ts'
import { MillraceError } from '../errors.ts'
import type { SchemaSource, WriterSchema } from './registry.ts'

export type SchemaLookupOptions = {
  readonly registry: SchemaSource
  readonly topic: string
  readonly clock: Clock
  readonly unknownSchemaMs: number
}

/**
 * Finds the schemas of one topic, and tells three faults apart that look alike: the registry is
 * away, it is the wrong one or has lost everything, or the id was never written by a producer.
 */
export class SchemaLookup {
  readonly #options: SchemaLookupOptions
  /** Ids of the topic that the registry knew, newest last. */
  readonly #known = new Set<number>()
  /** Since when an id has been unknown while others were known, monotonic milliseconds. */
  readonly #unknownSince = new Map<number, number>()
  /** When an id that will never be known was last asked for, monotonic milliseconds. */
  readonly #givenUpAt = new Map<number, number>()

  constructor(options: SchemaLookupOptions) {
    this.#options = options
  }

  /**
   * The schema, or the reason why its records can't be decoded. Throws retriable
   * `registry-unavailable` or `schema-unknown` while that is not certain.
   */
  async schema(id: number): Promise<WriterSchema | string> {
    const { clock, unknownSchemaMs } = this.#options
    const givenUpAt = this.#givenUpAt.get(id)
    if (givenUpAt !== undefined && clock.monotonicMs() - givenUpAt < askAgainMs) return unknown(id)
    const found = await this.#ask(id)
    if (found) {
      this.#remember(id)
      return found
    }
    const now = clock.monotonicMs()
    const since = this.#unknownSince.get(id) ?? now
    bound(this.#unknownSince)
    this.#unknownSince.set(id, since)
    if (givenUpAt === undefined && now - since < unknownSchemaMs) {
      throw new MillraceError(
        'schema-unknown',
        `the schema registry does not know schema ${id} of topic ${this.#options.topic} yet`,
        {
          hint: 'It knows others of the topic; if this one never comes, its records are parked.',
        },
      )
    }
    bound(this.#givenUpAt)
    this.#givenUpAt.set(id, now)
    return unknown(id)
  }

  #remember(id: number): void {
    this.#unknownSince.delete(id)
    this.#givenUpAt.delete(id)
    this.#known.delete(id)
    this.#known.add(id)
  }

  /** Undefined says that the registry is the right one and does not know the id. */
  async #ask(id: number): Promise<WriterSchema | undefined> {
    try {
      const found = await this.#options.registry.schema(id)
      if (!found) await this.#provesItself()
      return found
    } catch (error) {
      // Time in which the registry could not have known does not count.
      this.#unknownSince.delete(id)
      throw error
    }
  }

  /** A registry that knows nothing of the topic can't say that an id is unknown. */
  async #provesItself(): Promise<void> {
    const { registry, topic } = this.#options
    const newest = [...this.#known].slice(-3).toReversed()
    if (await registry.knowsAny(newest, [`${topic}-key`, `${topic}-value`])) return
    throw new MillraceError(
      'registry-unavailable',
      `the schema registry knows no schema of topic ${topic}`,
      {
        hint:
          'It is another registry, or has lost its schemas. ' +
          'Point MILLRACE_REGISTRY to the one that the connector uses.',
      },
    )
  }
}

/** An id that was given up may come yet: a registry restored, a producer that registers late. */
const askAgainMs = 10_000

/** Ids read from broken bytes can be any; no more than these are kept. */
const idsMax = 1_000

function bound(ids: Map<number, number>): void {
  for (const id of ids.keys()) {
    if (ids.size < idsMax) return
    ids.delete(id)
  }
}

function unknown(id: number): string {
  return `the schema registry does not know schema ${id}, though it knows others of the topic`
}
