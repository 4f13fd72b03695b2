import { insteadOf } from './unlisted.ts'
import type { AvroColumn, Condition, PostgresType, Reader, ValueType } from './value-type.ts'

const flat: Condition = {
  why: 'the connector does not tell what arrays of several dimensions hold',
  sql: 'array_ndims(COLUMN) = 1',
  written: /^array_ndims\(COLUMN\) = 1$/,
}

/**
 * An array as JSON text without spaces, its elements as they would stand in JSON by themselves.
 * Where the indexes begin is not told.
 */
export function arrayOf(element: ValueType): ValueType {
  const name = `${element.name}[]`
  const sql = (column: string) => arraySql(element, column)
  return {
    name,
    declare: (column) => `arrayOf(${element.declare(column)})`,
    takes: `an array of ${element.takes}`,
    refusal: (found) => arrayRefusal(element, found),
    conditions: [flat, ...element.arrayConditions],
    connector: element.connector,
    sql,
    reader: (column) => arrayReader(element, column),
    json: {
      schema: { type: 'array', items: nullable(element.json.schema) },
      // As numbers, for a serializer knows them by their schema.
      value: (text) => (element.json.parse ?? JSON.parse)(text),
      text: (text) => text,
      sql: (text) => text,
    },
    stored: { type: 'json', sql: (column) => `${column}::text`, value: (text) => text },
    key: undefined,
    noKey: 'arrays of different bounds are not equal: key by one element',
    constant: undefined,
    order: undefined,
    noArray: 'Postgres has no arrays of arrays',
    arrayConditions: [],
  }
}

/** JSON schema that takes null as well. */
export function nullable(schema: ValueType['json']['schema']): object {
  const { type } = schema
  return type === undefined ? schema : { ...schema, type: [type, 'null'].flat() }
}

function arrayRefusal(element: ValueType, found: PostgresType) {
  const { name, kind } = found.element ?? {}
  if (name === undefined || kind === undefined) {
    return { why: `is of type ${found.full}`, instead: insteadOf(found) }
  }
  const full = found.full.replace(/\[\]$/, '')
  if (kind !== 'd' && element.refusal({ name, full, kind, element: null }) === undefined) {
    return undefined
  }
  return { why: `is of type ${found.full}`, instead: insteadOf(found) }
}

function arraySql(element: ValueType, column: string): string {
  const item = `coalesce(${element.json.sql(element.sql('item'))}, 'null')`
  return (
    `case when ${column} is not null then '[' || coalesce((select string_agg(${item}, ',' order by place) ` +
    `from unnest(${column}) with ordinality as items (item, place)), '') || ']' end`
  )
}

function arrayReader(element: ValueType, { avro, items }: AvroColumn): Reader | undefined {
  const read = avro === 'array' && items ? element.reader(items) : undefined
  if (!read) return undefined
  return (value) => {
    if (!Array.isArray(value)) return undefined
    const texts: string[] = []
    for (const item of value as readonly unknown[]) {
      const found = item === null ? null : read(item)
      if (found === undefined) return undefined
      texts.push(found === null ? 'null' : element.json.text(String(found)))
    }
    return `[${texts.join(',')}]`
  }
}
