/** Numbers of floating point, as the shortest text that Postgres reads as the same number. */
import { named, plain, shapes, storedAs } from './forms.ts'
import { shortest, type Digits } from './shortest.ts'
import type { JsonForm, ValueType } from './value-type.ts'

/** JSON has no numbers beyond the finite ones: these are strings. */
const floatJson: JsonForm = {
  schema: { type: ['number', 'string'], description: 'A number, or NaN, Infinity or -Infinity' },
  value: (text) => (isFinite(text) ? Number(text) : text),
  text: (text) => (isFinite(text) ? text : `"${text}"`),
  sql: (text) =>
    `case when ${text} in ('NaN', 'Infinity', '-Infinity') then '"' || ${text} || '"' else ${text} end`,
}

export const double: ValueType = float('double', 'double precision', {
  avro: 'double',
  bits: 53,
  plainBelow: 15,
})

export const real: ValueType = float('real', 'real', { avro: 'float', bits: 24, plainBelow: 6 })

type FloatForm = {
  readonly avro: string
  /** Binary digits of the mantissa. */
  readonly bits: 24 | 53
  /** Numbers of more digits before the point have an exponent. */
  readonly plainBelow: number
}

function float(name: string, postgres: string, form: FloatForm): ValueType {
  return {
    ...plain,
    ...named(postgres),
    name,
    declare: (column) => `${name}('${column}')`,
    sql: (column) => `${column}::text`,
    reader: shapes([
      form.avro,
      undefined,
      (value) => (typeof value === 'number' ? floatText(value, form) : undefined),
    ]),
    json: floatJson,
    stored: storedAs(postgres),
    key: undefined,
    noKey: 'what is printed alike need not be equal: key by integers or text',
  }
}

/** As Postgres prints it with `extra_float_digits` above 0. */
export function floatText(value: number, { bits, plainBelow }: Omit<FloatForm, 'avro'>): string {
  if (Number.isNaN(value)) return 'NaN'
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  if (value === 0) return `${sign}0`
  if (!Number.isFinite(value)) return `${sign}Infinity`
  return sign + printed(shortest(Math.abs(value), bits), plainBelow)
}

function printed({ digits, exponent }: Digits, plainBelow: number): string {
  if (exponent < -4 || exponent >= plainBelow) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : ''
    const power = String(Math.abs(exponent)).padStart(2, '0')
    return `${digits[0]}${fraction}e${exponent < 0 ? '-' : '+'}${power}`
  }
  if (exponent < 0) return `0.${'0'.repeat(-exponent - 1)}${digits}`
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0')
  const fraction = digits.slice(exponent + 1)
  return fraction === '' ? whole : `${whole}.${fraction}`
}

function isFinite(text: string): boolean {
  return text !== 'NaN' && text !== 'Infinity' && text !== '-Infinity'
}
