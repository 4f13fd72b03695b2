/** How a store that keeps text writes down a view's state, and reads it back. */
import { z } from 'zod'
import { formatLsn, parseKafkaOffset, parseLsn } from '../position.ts'
import { formatSnapshot, parseSnapshot, parseTransactionId } from '../transaction.ts'
import { typeError } from './checks.ts'
import type {
  Barrier,
  Checkpoint,
  Doubt,
  DoubtCode,
  KeptDeclaration,
  Problem,
  StandingDoubt,
} from './state.ts'
import type { Wanted } from './coordination.ts'

const offset = z.string().transform(parseKafkaOffset)
const lsn = z.string().transform(parseLsn)
const offsets = z.record(z.string(), offset).transform((record) => new Map(Object.entries(record)))
/** An optional key that is absent reads as one that is undefined. */
const optional = <T extends z.ZodType>(schema: T) => schema.optional().transform((value) => value)

const checkpointSchema = z
  .object({
    next: offset,
    last: z.object({ offset, hash: z.string() }).optional(),
    windowFrom: offset,
    keySchema: z.number().optional(),
  })
  .transform((found): Checkpoint => ({ ...found, last: found.last, keySchema: found.keySchema }))

const barrierSchema = z.object({
  number: z.number().int(),
  lsn,
  transaction: z.string().transform(parseTransactionId),
  snapshot: z.string().transform(parseSnapshot),
  history: z.string(),
  from: offsets,
  ends: offsets,
  takenAtMs: z.number(),
})

const doubtSchema = z.object({
  name: z.string(),
  code: z.string().transform((code) => code as DoubtCode),
  reason: z.string(),
  hint: optional(z.string()),
  tables: z.array(z.string()),
  keys: z.array(z.string()),
  offsets,
  barrier: z.number().int(),
  restart: optional(
    z.object({ how: z.enum(['forward', 'anew']), partitions: z.array(z.string()) }),
  ),
})

const problemSchema = z.object({
  code: z.string(),
  message: z.string(),
  hint: optional(z.string()),
  sinceMs: z.number(),
})

const declarationsSchema = z.array(
  z.object({ id: z.string(), declaration: z.string(), complete: z.boolean() }),
)

const topicsSchema = z.record(z.string(), z.number().int())

const wantedSchema = z.object({
  declaration: z.string(),
  adopt: z.boolean(),
  prune: z.boolean(),
  sweep: z.array(z.string()),
  letGo: optional(z.number()),
})

/** Offsets stand as decimal text, for a JSON number is a double to most who read it. */
export function encodeCheckpoint(checkpoint: Checkpoint): string {
  return JSON.stringify(checkpoint, plain)
}

/** `where` names the place, for the error when it holds something else; so in all that follow. */
export function decodeCheckpoint(text: string, where: string): Checkpoint {
  return decode(checkpointSchema, text, where)
}

export function encodeBarrier(barrier: Barrier): string {
  const { lsn: at, snapshot } = barrier
  return JSON.stringify(
    { ...barrier, lsn: formatLsn(at), snapshot: formatSnapshot(snapshot) },
    plain,
  )
}

export function decodeBarrier(text: string, where: string): Barrier {
  return decode(barrierSchema, text, where)
}

/** Without the id and the time that the store gives it. */
export function encodeDoubt(doubt: Doubt): string {
  const { name, code, reason, hint, tables, keys, offsets: from, barrier, restart } = doubt
  return JSON.stringify(
    { name, code, reason, hint, tables, keys, offsets: from, barrier, restart },
    plain,
  )
}

export function decodeDoubt(
  text: string,
  { id, sinceMs }: Pick<StandingDoubt, 'id' | 'sinceMs'>,
  where: string,
): StandingDoubt {
  return { ...decode(doubtSchema, text, where), id, sinceMs }
}

export function encodeProblem(problem: Problem): string {
  return JSON.stringify(problem)
}

export function decodeProblem(text: string, where: string): Problem {
  return decode(problemSchema, text, where)
}

export function encodeDeclarations(declarations: readonly KeptDeclaration[]): string {
  return JSON.stringify(declarations)
}

export function decodeDeclarations(text: string, where: string): readonly KeptDeclaration[] {
  return decode(declarationsSchema, text, where)
}

export function decodeTopics(text: string, where: string): Readonly<Record<string, number>> {
  return decode(topicsSchema, text, where)
}

export function decodeWanted(text: string, where: string): Wanted {
  return decode(wantedSchema, text, where)
}

/** `tweetCount` -> `tweet-count` or, by `separator`, `tweet_count`. */
export function spell(name: string, separator: '-' | '_'): string {
  return name
    .replace(/[A-Z]/g, (letter) => `${separator}${letter.toLowerCase()}`)
    .replaceAll(/[-_]/g, separator)
}

function decode<T>(schema: z.ZodType<T>, text: string, where: string): T {
  try {
    return schema.parse(JSON.parse(text))
  } catch (cause) {
    throw typeError(where, `'${text.slice(0, 100)}' does not parse`, { cause })
  }
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString()
  return value instanceof Map ? Object.fromEntries(value) : value
}
