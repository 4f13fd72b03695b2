import { bare, named, plain, quoted, shapes, storedAs } from './forms.ts'
import { byRank } from './orders.ts'
import type { ConstantForm, KeyForm, Reader, ValueType } from './value-type.ts'

const read: Reader = (value) => {
  if (typeof value === 'bigint') return value
  return Number.isInteger(value) ? BigInt(value as number) : undefined
}

/** 64 bits don't fit into a JavaScript number, so JSON has these as text. */
export const bigint: ValueType = {
  ...integer('bigint', ['smallint', 'integer', 'bigint'], 64n),
  json: quoted({ pattern: '^-?[0-9]{1,19}$' }),
  reader: shapes(['int', undefined, read], ['long', undefined, read]),
}

export const int: ValueType = integer('integer', ['smallint', 'integer'], 32n)
export const smallint: ValueType = integer('smallint', ['smallint'], 16n)

function integer(name: string, takes: readonly string[], bits: bigint): ValueType {
  const key = integerKey(bits)
  return {
    ...plain,
    ...named(...takes),
    name,
    declare: (column) => `${name}('${column}')`,
    sql: (column) => `${column}::text`,
    reader: shapes(['int', undefined, read]),
    json: bare({ type: 'integer' }, Number),
    stored: storedAs(name),
    key,
    constant: integerConstant(key),
    order: byRank({
      width: String(2n ** bits).length,
      first: -(2n ** (bits - 1n)),
      rankOf: (text) => (key.isCanonical(text) ? BigInt(text) : undefined),
      textOf: String,
    }),
    noKey: '',
  }
}

function integerConstant(key: KeyForm): ConstantForm {
  return {
    words: key.words,
    isValue: (value) => key.isCanonical(value),
    compare: compareIntegers,
    isOrdered: true,
  }
}

function integerKey(bits: bigint): KeyForm {
  const most = 2n ** (bits - 1n) - 1n
  return {
    words: `the plain decimal form of a ${bits}-bit signed integer, like 42`,
    isCanonical: (text) =>
      /^(0|-?[1-9]\d{0,18})$/.test(text) &&
      BigInt.asIntN(Number(bits), BigInt(text)) === BigInt(text),
    compare: compareIntegers,
    order: (column) => column,
    isIndexed: true,
    equals: (column, value) => `${column} = ${value}`,
    last: String(most),
  }
}

function compareIntegers(a: string, b: string): number {
  if (a.startsWith('-') || b.startsWith('-')) return sign(BigInt(a), BigInt(b))
  return a.length - b.length || sign(a, b)
}

function sign<T extends bigint | string>(a: T, b: T): number {
  return Number(a > b) - Number(a < b)
}
