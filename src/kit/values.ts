/** Values as tests write them, to the text that each has in Postgres. */
import { inspect, types } from 'node:util'
import type { Value } from '../change.ts'
import { canonicalTimestamp } from '../types/timestamps.ts'
import { knownType, typeOf, type ColumnType } from '../types/types.ts'
import { jsonbText } from './jsonb-text.ts'

/**
 * What a column holds: null, or
 *
 * - integers and `numeric`: a number, a bigint, or decimal text;
 * - `real`, `double`: a number, or its text;
 * - `boolean`: a boolean;
 * - `text`, `char`, `uuid`, `enum`, `date` (`2026-01-31`), `time` (`10:18:00`), `timestamp`
 *   (`2026-01-31T10:18:00`): text; `timestamptz`: text with its offset, or a Date;
 * - `json`, `jsonb`: the value itself, of which null is SQL's;
 * - `bytea`: bytes; arrays: an array.
 *
 * Digits of a numeric and blanks of a char are taken as they are, for the view does not know the
 * column's length.
 */
export type ColumnValue = unknown

/** Undefined where the value is none of the type's. */
export function canonicalValue(type: ColumnType, value: ColumnValue): Value | undefined {
  if (value === null || value === undefined) return null
  const text = canonicalText(type, value)
  return text !== undefined && isInteger(type) ? BigInt(text) : text
}

/** A column that the view does not read: it tells rows apart, and no more. */
export function plainValue(value: ColumnValue): Value | undefined {
  if (typeof value === 'bigint' || Number.isSafeInteger(value)) return String(value)
  return typeof value === 'string' ? value : undefined
}

/** What a value of the type looks like, for people who wrote another. */
export function formOf(type: ColumnType): string {
  if (type.endsWith('[]'))
    return `an array of which each item is null or ${formOf(elementOf(type))}`
  return forms[type] ?? typeOf(type).key?.words ?? 'text'
}

export function elementOf(type: ColumnType): ColumnType {
  return type.slice(0, -2) as ColumnType
}

const forms: Partial<Record<ColumnType, string>> = {
  numeric: 'a decimal number, as a number or as text, like 1.50',
  real: 'a number',
  double: 'a number',
  boolean: 'true or false',
  text: 'text without NUL',
  char: 'text without NUL',
  enum: 'text without NUL',
  time: 'a time like 10:18:00, up to 24:00:00',
  timestamp: 'a moment without an offset like 2026-01-31T10:18:00, infinity or -infinity',
  timestamptz: 'a Date, or a moment with its offset like 2026-01-31T10:18:00Z',
  json: 'a value that JSON can hold',
  jsonb: 'a value that JSON can hold, without NUL',
  bytea: 'bytes, as a Uint8Array',
}

function isInteger(type: ColumnType): boolean {
  return type === 'bigint' || type === 'integer' || type === 'smallint'
}

function canonicalText(type: ColumnType, value: ColumnValue): string | undefined {
  if (type.endsWith('[]')) return arrayText(elementOf(type), value)
  return scalars[type as ScalarType](value)
}

type ScalarType = Exclude<ColumnType, `${string}[]`>
type TextOf = (value: unknown) => string | undefined

const scalars: Readonly<Record<ScalarType, TextOf>> = {
  bigint: (value) => integerText('bigint', value),
  integer: (value) => integerText('integer', value),
  smallint: (value) => integerText('smallint', value),
  numeric: (value) => numericText(typeof value === 'string' ? value : numberText(value)),
  real: (value) => floatText('real', value),
  double: (value) => floatText('double', value),
  boolean: (value) => (typeof value === 'boolean' ? String(value) : undefined),
  text: ofString((text) => keyText('text', text)),
  char: ofString((text) => keyText('text', text)),
  uuid: ofString((text) => keyText('uuid', text.toLowerCase())),
  enum: ofString((text) => keyText('enum', text)),
  date: ofString((text) => keyText('date', text)),
  time: ofString(timeText),
  timestamp: ofString(timestampText),
  timestamptz: momentText,
  json: jsonText,
  jsonb: jsonbText,
  bytea: (value) => (types.isUint8Array(value) ? Buffer.from(value).toString('base64') : undefined),
}

function ofString(read: (text: string) => string | undefined): TextOf {
  return (value) => (typeof value === 'string' ? read(value) : undefined)
}

function integerText(type: ScalarType, value: unknown): string | undefined {
  return keyText(type, typeof value === 'string' ? value : wholeText(value))
}

function keyText(type: ColumnType, text: string | undefined): string | undefined {
  return text !== undefined && knownType(type)?.key?.isCanonical(text) === true ? text : undefined
}

function wholeText(value: unknown): string | undefined {
  if (typeof value === 'bigint') return String(value)
  return Number.isSafeInteger(value) ? BigInt(value as number).toString() : undefined
}

function numberText(value: unknown): string | undefined {
  return typeof value === 'bigint' || typeof value === 'number' ? String(value) : undefined
}

/** Postgres writes no zeros before the number, and no sign before zero. */
function numericText(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  if (text === 'NaN' || text === 'Infinity' || text === '-Infinity') return text
  if (!/^-?(0|[1-9]\d*)(\.\d+)?$/.test(text)) return undefined
  return /^-[0.]+$/.test(text) ? text.slice(1) : text
}

function floatText(type: 'real' | 'double', value: unknown): string | undefined {
  const isText = typeof value === 'string' && value.trim() !== ''
  const number = isText ? Number(value) : value
  if (typeof number !== 'number' || (isText && Number.isNaN(number) && value !== 'NaN')) {
    return undefined
  }
  const avro = type === 'real' ? 'float' : 'double'
  const read = typeOf(type).reader({ avro, connectName: undefined })!
  return read(type === 'real' ? Math.fround(number) : number) as string | undefined
}

function timeText(text: string): string | undefined {
  const match = /^(\d\d):([0-5]\d)(?::([0-5]\d)(?:\.(\d{1,6}))?)?$/.exec(text)
  if (!match) return undefined
  const [, hours, minutes, seconds = '00', fraction = ''] = match
  const full = `${hours}:${minutes}:${seconds}.${fraction.padEnd(6, '0')}`
  return full <= '24:00:00.000000' ? full : undefined
}

function timestampText(text: string): string | undefined {
  if (text === 'infinity' || text === '-infinity') return text
  return /T.*[Z+-]/.test(text) ? undefined : canonicalTimestamp(`${text}Z`)?.slice(0, -1)
}

function momentText(value: unknown): string | undefined {
  if (types.isDate(value)) {
    return Number.isNaN(value.getTime()) ? undefined : canonicalTimestamp(value.toISOString())
  }
  return typeof value === 'string' ? canonicalTimestamp(value) : undefined
}

function jsonText(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}

function arrayText(element: ColumnType, value: unknown): string | undefined {
  if (!Array.isArray(value)) return undefined
  const texts = (value as readonly unknown[]).map((item) => {
    if (item === null) return 'null'
    const text = canonicalText(element, item)
    return text === undefined ? undefined : typeOf(element).json.text(text)
  })
  return texts.includes(undefined) ? undefined : `[${texts.join(',')}]`
}

/** For a message. */
export function said(value: unknown): string {
  const text = inspect(value, { depth: 2, breakLength: Infinity })
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}
