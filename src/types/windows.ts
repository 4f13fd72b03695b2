/**
 * Windows: equal spans of time, one of which begins with 1970. A part of a key that is a window holds
 * its start, and every time within belongs to it, also before 1970, as `date_bin(length, time,
 * '1970-01-01')` says it. A null or infinite time belongs to none, nor does one whose window would
 * begin before the first time that Postgres knows.
 */
import { dayText, daysOf, momentOf, momentText } from './moments.ts'
import { keyTypeOf, typeOf, type ColumnType } from './types.ts'
import type { KeyForm } from './value-type.ts'

export type Window = { readonly seconds: number }

/** A part of a key: a column's values, or the windows into which they fall. */
export type KeyPart = { readonly type: ColumnType; readonly window?: Window | undefined }

/** Types of columns that windows are made of. */
export const windowTypes = ['timestamptz', 'timestamp', 'date'] as const
export type WindowType = (typeof windowTypes)[number]

export type WindowForm = KeyForm & {
  /** The text of the start of a value's window; undefined where it belongs to none. */
  startOf(text: string): string | undefined
  /** The last value that belongs to the window that starts so. */
  lastOf(start: string): string
  /** SQL that is true where a column's value belongs to any window. */
  has(column: string): string
}

/** How such a part of a key passes. */
export function keyFormOf({ type, window }: KeyPart): KeyForm {
  return window ? windowFormOf(type, window) : keyTypeOf(type)
}

const forms = new Map<string, WindowForm>()

export function windowFormOf(type: ColumnType, { seconds }: Window): WindowForm {
  const name = `${type} ${seconds}`
  const known = forms.get(name) ?? windowForm(type, seconds)
  forms.set(name, known)
  return known
}

const secondsOf = { second: 1, minute: 60, hour: 3_600, day: 86_400 } as const
const daysMost = 10_000

/** Undefined for text that is no length of a window. */
export function windowSeconds(length: string): number | undefined {
  const match = /^([1-9]\d{0,8}) (second|minute|hour|day)s?$/.exec(length)
  if (!match) return undefined
  const seconds = Number(match[1]) * secondsOf[match[2] as keyof typeof secondsOf]
  return seconds <= daysMost * secondsOf.day ? seconds : undefined
}

/** `5 minutes` of 300. */
export function lengthText({ seconds }: Window): string {
  const units = Object.entries(secondsOf).toReversed()
  const [name, size] = units.find(([, each]) => seconds % each === 0)!
  const count = seconds / size
  return `${count} ${name}${count === 1 ? '' : 's'}`
}

/** Values as units of time since 1970: microseconds, or days. */
type Line = {
  /** With which the text of a moment ends. */
  readonly zone?: 'Z' | ''
  readonly unitsADay: bigint
  readonly last: bigint
  /** Undefined for an infinity. */
  readonly unitsOf: (text: string) => bigint | undefined
  readonly textOf: (units: bigint) => string
  /** SQL of a length. */
  span(units: bigint): string
  /** SQL for the start of a window, of a column's value that belongs to one. */
  floor(column: string, starts: Starts): string
}

/** SQL of some starts of windows: the first of all, and the first since 2000. */
type Starts = { readonly first: string; readonly later: string; readonly length: bigint }

const firstDay = -2_440_588n
const daysTo2000 = 10_957n
const secondMicros = 1_000_000n

const dates: Line = {
  unitsADay: 1n,
  last: 2_145_042_905n,
  unitsOf(text) {
    const days = daysOf(text)
    return Number.isNaN(days) ? undefined : BigInt(days)
  },
  textOf: (units) => dayText(Number(units)),
  span: String,
  floor: (column, { length }) =>
    `${column} - mod(mod(${column} - date '1970-01-01', ${length}) + ${length}, ${length})`,
}

const moments = (zone: 'Z' | ''): Line => ({
  zone,
  unitsADay: 86_400n * secondMicros,
  last: 9_224_318_015_999_999_999n,
  unitsOf: (text) =>
    text.endsWith(zone) ? momentOf(text.slice(0, zone ? -1 : undefined)) : undefined,
  textOf: (units) => `${momentText(units)}${zone}`,
  span: (units) => `interval '${units / secondMicros} seconds'`,
  // The origin is never behind the value, which some releases of Postgres round wrongly, and never
  // so far before it that 64 bits can't hold what lies between.
  floor: (column, { first, later, length }) =>
    `date_bin('${length / secondMicros} seconds', ${column}, ` +
    `case when ${column} < ${later} then ${first} else ${later} end)`,
})

const lines: Readonly<Record<WindowType, Line>> = {
  timestamptz: moments('Z'),
  timestamp: moments(''),
  date: dates,
}

function windowForm(type: ColumnType, seconds: number): WindowForm {
  const line = lines[type as WindowType]
  if (!line) throw new Error(`there are no windows of ${type}`)
  const { stored } = typeOf(type)
  const { unitsADay, last, unitsOf, textOf } = line
  const length = (BigInt(seconds) * unitsADay) / 86_400n
  const begin = (units: bigint) => units - (((units % length) + length) % length)
  const since = (units: bigint) => begin(units + length - 1n)
  const firstStart = since(firstDay * unitsADay)
  const lastStart = begin(last)
  const sql = (units: bigint) => `'${stored.value(textOf(units))}'::${stored.type}`
  const starts = { first: sql(firstStart), later: sql(since(daysTo2000 * unitsADay)), length }
  const startOf = (text: string) => {
    const near = line.zone === undefined ? undefined : nearStart(text, seconds, line.zone)
    if (near !== undefined) return near
    const units = unitsOf(text)
    return units === undefined || units < firstStart || units > last
      ? undefined
      : textOf(begin(units))
  }
  const has = (column: string) => `${column} between ${starts.first} and ${sql(last)}`
  return {
    words:
      `the start of a window of ${lengthText({ seconds })}, one of which begins with 1970, ` +
      `like ${textOf(since(daysTo2000 * unitsADay))}`,
    isCanonical: (text) => startOf(text) === text,
    compare(a, b) {
      const [left, right] = isNear(a) && isNear(b) ? [a, b] : [unitsOf(a)!, unitsOf(b)!]
      return Number(left > right) - Number(left < right)
    },
    order: (column) => `case when ${has(column)} then ${line.floor(column, starts)} end`,
    isIndexed: false,
    // A range, which an index of the column serves. The last window ends beyond what Postgres knows.
    equals: (column, start) =>
      `${column} >= ${start} and ${column} < case when ${start} < ${sql(lastStart)} ` +
      `then ${start} + ${line.span(length)} else 'infinity' end`,
    last: textOf(lastStart),
    startOf,
    lastOf(start) {
      const end = unitsOf(start)! + length - 1n
      return textOf(end < last ? end : last)
    },
    has,
  }
}

/** Nearly every moment: of this century, whose texts stand in the order of time. */
function isNear(text: string): boolean {
  return text.startsWith('20')
}

/** Its window's start, without big numbers. */
function nearStart(text: string, seconds: number, zone: string): string | undefined {
  if (!isNear(text)) return undefined
  const since = Date.parse(`${text.slice(0, 19)}Z`) / 1_000
  if (Number.isNaN(since)) return undefined
  const start = new Date((since - (since % seconds)) * 1_000).toISOString()
  return `${start.slice(0, 19)}.000000${zone}`
}
