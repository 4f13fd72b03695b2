import { bare, named, plain, readText, shapes, storedAs } from './forms.ts'
import type { ValueType } from './value-type.ts'

/** As it was written, byte by byte. */
export const json: ValueType = jsonType('json')

/** As Postgres writes it: keys in its order, numbers with all of their digits. */
export const jsonb: ValueType = jsonType('jsonb')

function jsonType(name: 'json' | 'jsonb'): ValueType {
  return {
    ...plain,
    ...named(name),
    name,
    declare: (column) => `${name}('${column}')`,
    sql: (column) => `${column}::text`,
    reader: shapes(['string', 'io.debezium.data.Json', readText]),
    json: { ...bare({}, parseExact), parse: parseExact },
    stored: storedAs(name),
    key: undefined,
    noKey: 'key by a text or a number of it, in a column of its own',
  }
}

/** Value whose numbers are written again with the digits that they had. */
export function parseExact(text: string): unknown {
  return JSON.parse(text, keepNumber as (key: string, value: unknown) => unknown)
}

/** In Node 22 and newer; TypeScript's library does not know them yet. */
const exact = JSON as unknown as { rawJSON(text: string): unknown }

function keepNumber(
  _key: string,
  value: unknown,
  { source }: { readonly source: string },
): unknown {
  return typeof value === 'number' && String(value) !== source ? exact.rawJSON(source) : value
}
