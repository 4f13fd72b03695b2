/** All types of columns that views know. A type that is added is added here, in a file of its family. */
import { arrayOf } from './arrays.ts'
import { boolean } from './boolean.ts'
import { bytea } from './bytea.ts'
import { date } from './dates.ts'
import { double, real } from './floats.ts'
import { bigint, int, smallint } from './integers.ts'
import { json, jsonb } from './json.ts'
import { numeric } from './numeric.ts'
import { char, enumeration, text, uuid } from './texts.ts'
import { time } from './times.ts'
import { timestamp, timestamptz } from './timestamps.ts'
import type { KeyForm, PostgresType, ValueType } from './value-type.ts'

const scalars = {
  bigint,
  integer: int,
  smallint,
  numeric,
  real,
  double,
  boolean,
  text,
  char,
  uuid,
  enum: enumeration,
  date,
  time,
  timestamp,
  timestamptz,
  json,
  jsonb,
  bytea,
} as const satisfies Readonly<Record<string, ValueType>>

type ScalarName = keyof typeof scalars

/** What a column may hold, as far as a view can show it. */
export type ColumnType = ScalarName | `${ScalarName}[]`

/** What the parts of a key may be. */
export type KeyType = 'bigint' | 'integer' | 'smallint' | 'text' | 'uuid' | 'enum' | 'date'

const all = new Map<string, ValueType>()
for (const scalar of Object.values(scalars)) {
  all.set(scalar.name, scalar)
  if (scalar.noArray === undefined) all.set(`${scalar.name}[]`, arrayOf(scalar))
}

export const columnTypes = [...all.keys()] as [ColumnType, ...ColumnType[]]

export function typeOf(name: ColumnType): ValueType {
  const found = all.get(name)
  if (!found) throw new Error(`there is no type ${name}`)
  return found
}

/** Undefined for a name that no type has, and for arrays that there are none of. */
export function knownType(name: string): ValueType | undefined {
  return all.get(name)
}

/** How the parts of a key of this type pass. */
export function keyTypeOf(name: ColumnType): KeyForm {
  const { key } = typeOf(name)
  if (!key) throw new Error(`${name} is no type of keys`)
  return key
}

/** The type that takes such a column, the one that shows it in the fewest words. */
export function takerOf(found: PostgresType): ValueType | undefined {
  const takers = [...all.values()].filter((type) => type.refusal(found) === undefined)
  return takers.toSorted((a, b) => a.takes.length - b.takes.length)[0]
}
