/** How a store that keeps text writes down checkpoints and the like, and reads them back. */
import { z } from 'zod'
import { parseKafkaOffset, parseLsn, type KafkaOffset } from '../position.ts'
import { typeError } from './checks.ts'
import type { Barrier, Checkpoint, Mark, Problem } from './store.ts'

const offset = z.string().transform(parseKafkaOffset)

const checkpointSchema = z.object({
  phase: z.enum(['pouring', 'live']),
  poured: z.number(),
  next: offset,
  last: z.object({ offset, hash: z.string() }).optional(),
  windowFrom: offset,
  windowAtMs: z.number(),
  atMs: z.number(),
  keySchema: z.number().optional(),
})

const markSchema = z.object({ code: z.string(), reason: z.string(), atMs: z.number() })

const problemSchema = z.object({
  code: z.string(),
  message: z.string(),
  hint: z.string().optional(),
  sinceMs: z.number(),
})

const offsetsSchema = z.record(z.string(), offset)

const barrierSchema = z.object({
  lsn: z.string().transform(parseLsn),
  takenAtMs: z.coerce.number(),
  from: offsetsSchema,
  ends: offsetsSchema,
})

const topicsSchema = z.record(z.string(), z.number().int())

/** Offsets stand as decimal text, for a JSON number is a double to most who read it. */
export function encodeCheckpoint(checkpoint: Checkpoint): string {
  return JSON.stringify(checkpoint, bigintAsText)
}

/** `where` names the place, for the error when it holds something else. */
export function decodeCheckpoint(text: string, where: string): Checkpoint {
  const parsed = decode(checkpointSchema, text, where)
  return { ...parsed, last: parsed.last, keySchema: parsed.keySchema }
}

export function encodeMark(mark: Mark): string {
  return JSON.stringify(mark)
}

export function decodeMark(text: string, where: string): Mark {
  return decode(markSchema, text, where)
}

export function encodeProblem(problem: Problem): string {
  return JSON.stringify(problem)
}

export function decodeProblem(text: string, where: string): Problem {
  const parsed = decode(problemSchema, text, where)
  return { ...parsed, hint: parsed.hint }
}

export function encodeOffsets(offsets: ReadonlyMap<string, KafkaOffset>): string {
  return JSON.stringify(Object.fromEntries(offsets), bigintAsText)
}

/** From its parts: the LSN as `16/B374D848`, offsets as `encodeOffsets` writes them. */
export function decodeBarrier(
  parts: {
    readonly lsn: string
    readonly takenAtMs: string
    readonly from: string
    readonly ends: string
  },
  where: string,
): Barrier {
  const { lsn, takenAtMs } = parts
  const text = `{"lsn":${JSON.stringify(lsn)},"takenAtMs":${JSON.stringify(takenAtMs)},"from":${parts.from},"ends":${parts.ends}}`
  const parsed = decode(barrierSchema, text, where)
  return {
    ...parsed,
    from: new Map(Object.entries(parsed.from)),
    ends: new Map(Object.entries(parsed.ends)),
  }
}

export function decodeTopics(text: string, where: string): Readonly<Record<string, number>> {
  return decode(topicsSchema, text, where)
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
    throw typeError(where, `'${text.slice(0, 100)}' does not parse`, cause)
  }
}

function bigintAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}
