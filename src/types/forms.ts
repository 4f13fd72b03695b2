/** What several types have in common. */
import type {
  AvroColumn,
  ConstantForm,
  JsonForm,
  PostgresType,
  Reader,
  Refusal,
  StoredForm,
} from './value-type.ts'
import { insteadOf } from './unlisted.ts'

/** The parts of a type that most have alike. */
export const plain = {
  conditions: [],
  connector: [],
  noArray: undefined,
  arrayConditions: [],
  constant: undefined,
  order: undefined,
} as const

/** Types of Postgres by their names, without modifiers. */
export function named(...names: readonly string[]) {
  return {
    takes: listed(names),
    refusal: (found: PostgresType) => (names.includes(found.name) ? undefined : misfit(found)),
  }
}

/** A column whose type is another one; what takes it instead is said by whoever knows all types. */
export function misfit(found: PostgresType): Refusal {
  return { why: `is of type ${found.full}`, instead: insteadOf(found) }
}

export function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`
}

type Shape = readonly [avro: string, connectName: string | undefined, read: Reader]

/** The reader of whichever of these shapes the column has. */
export function shapes(...known: readonly Shape[]): (column: AvroColumn) => Reader | undefined {
  return ({ avro, connectName }) =>
    known.find(([type, name]) => type === avro && name === connectName)?.[2]
}

export const readText: Reader = (value) => (typeof value === 'string' ? value : undefined)

/** A JSON string. */
export function quoted(schema: Readonly<Record<string, unknown>> = {}): JsonForm {
  return {
    schema: { type: 'string', ...schema },
    value: (text) => text,
    text: (text) => JSON.stringify(text),
    sql: (text) => `to_json(${text})::text`,
  }
}

/** Text that is JSON already. */
export function bare(schema: JsonForm['schema'], value: JsonForm['value']): JsonForm {
  return { schema, value, text: (text) => text, sql: (text) => text }
}

/** A column whose text Postgres writes and reads as it is. */
export function storedAs(type: string): StoredForm {
  return { type, sql: (column) => `${column}::text`, value: (text) => text }
}

/** Order of bytes, which is that of code points, of texts that are well-formed. */
export function compareBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let at = 0; at < length; at += 1) {
    const left = a.charCodeAt(at)
    const right = b.charCodeAt(at)
    if (left === right) continue
    // Bytes of UTF-8 are in the order of UTF-16 up to where surrogates begin.
    const isPlain = left < firstSurrogate || right < firstSurrogate
    return isPlain ? left - right : Buffer.compare(Buffer.from(a), Buffer.from(b))
  }
  return a.length - b.length
}

const firstSurrogate = 0xd800

/** Constants of a type in which equal values have equal texts. */
export function equalTexts(words: string, isValue: (text: string) => boolean): ConstantForm {
  return { words, isValue, compare: compareBytes, isOrdered: false }
}

/** Constants of a type whose values are ordered by a number; `rankOf` none where text is no value. */
export function ranked(
  words: string,
  rankOf: (text: string) => bigint | number | undefined,
): ConstantForm {
  return {
    words,
    isValue: (text) => rankOf(text) !== undefined,
    compare(a, b) {
      const [left, right] = [rankOf(a)!, rankOf(b)!]
      return Number(left > right) - Number(left < right)
    },
    isOrdered: true,
  }
}
