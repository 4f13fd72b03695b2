import { misfit, plain, quoted, shapes, storedAs } from './forms.ts'
import type { Condition, OrderForm, ValueType } from './value-type.ts'

/** What Debezium writes for the values that are no numbers. */
const special: Readonly<Record<string, string>> = {
  NAN: 'NaN',
  POSITIVE_INFINITY: 'Infinity',
  NEGATIVE_INFINITY: '-Infinity',
}

const plainNumber = /^-?\d+(?:\.\d+)?$/

/** Digits that numbers have at most where they are added up or put in order: they fit 64 bits. */
export const digitsMost = 18

/** A value that is no number takes the whole array with it. */
const inArrays: Condition = {
  why: 'the connector makes null of an array that holds NaN or an infinity',
  sql: `not (COLUMN && '{NaN,Infinity,-Infinity}')`,
  written: /^NOT \(COLUMN && '\{NaN,Infinity,-Infinity\}'::numeric\[\]\)$/,
}

/** Exact, with the digits that the column has: `1.50` is not `1.5`. */
export const numeric: ValueType = {
  ...plain,
  name: 'numeric',
  declare: (column) => `numeric('${column}')`,
  takes: 'numeric',
  refusal(found) {
    if (found.name !== 'numeric') return misfit(found)
    if (!/,-\d+\)$/.test(found.full)) return undefined
    return {
      why: `is of type ${found.full}, whose scale below zero the connector misreads`,
      instead: 'alter it to numeric',
    }
  },
  connector: [
    {
      setting: 'decimal.handling.mode',
      allowed: ['string'],
      missing: 'precise',
      why: 'doubles lose digits, and exact decimals have no NaN',
    },
  ],
  sql: (column) => `${column}::text`,
  reader: shapes([
    'string',
    undefined,
    (value) => {
      const text = String(value)
      return special[text] ?? (plainNumber.test(text) ? text : undefined)
    },
  ]),
  json: quoted({ description: 'A decimal number, exact; NaN, Infinity or -Infinity' }),
  stored: storedAs('numeric'),
  arrayConditions: [inArrays],
  key: undefined,
  constant: {
    words: 'a decimal number like 12.50',
    isValue: (text) => plainNumber.test(text),
    compare: compareDecimals,
    isOrdered: true,
  },
  order: numericOrder(),
  noKey: 'equal numbers may have different texts (1.0 and 1.00): key by integers or text',
}

/** Of numbers alone, so the texts have no infinities; with `scale` digits behind the point. */
function numericOrder(): OrderForm {
  const beyond = 10n ** BigInt(digitsMost)
  return {
    spell(text, scale) {
      if (!fitsScale(text, scale)) return undefined
      const number = scaled(text, scale)
      if (number <= -beyond || number >= beyond) return undefined
      return String(number + beyond).padStart(digitsMost + 1, '0')
    },
    read: (spelled, scale) => decimalText(BigInt(spelled) - beyond, scale),
  }
}

/** Decimal text of an integer that has so many digits behind the point: `-0.50`. */
export function decimalText(value: bigint, digits: number): string {
  if (digits === 0) return String(value)
  const text = String(value < 0n ? -value : value).padStart(digits + 1, '0')
  return `${value < 0n ? '-' : ''}${text.slice(0, -digits)}.${text.slice(-digits)}`
}

/** As Postgres orders them: NaN comes after everything. */
export function compareDecimals(a: string, b: string): number {
  const [left, right] = [classOf(a), classOf(b)]
  if (left !== 0 || right !== 0) return left - right
  const digits = Math.max(fractionOf(a).length, fractionOf(b).length)
  const [x, y] = [scaled(a, digits), scaled(b, digits)]
  return Number(x > y) - Number(x < y)
}

/** The number times ten to the power of `digits`, which are at least as many as it has. */
export function scaled(text: string, digits: number): bigint {
  return BigInt(text.replace('.', '') + '0'.repeat(digits - fractionOf(text).length))
}

function fractionOf(text: string): string {
  return text.split('.')[1] ?? ''
}

function classOf(text: string): number {
  if (text === 'NaN') return 2
  if (text === 'Infinity') return 1
  return text === '-Infinity' ? -1 : 0
}

/** Whether it is a number of at most so many digits behind the point. */
export function fitsScale(text: string, scale: number): boolean {
  return plainNumber.test(text) && fractionOf(text).length <= scale
}
