import type { AvroColumn } from '../types/value-type.ts'

/**
 * Avro schemas as they are written, with what Connect adds to them. Only as much as it takes to
 * look into a Debezium envelope; avsc does the rest.
 */
export type RawField = {
  readonly name: string
  readonly type: unknown
  readonly default?: unknown
}

export type RawRecord = {
  readonly type: 'record'
  readonly name: string
  readonly namespace?: string
  readonly fields: readonly RawField[]
}

/** A column that may be null, its branch that is not, and the value that stands for "not given". */
export type RawColumn = AvroColumn & {
  readonly nullable: boolean
  readonly defaults: readonly unknown[]
}

export function asRecord(schema: unknown): RawRecord | undefined {
  if (!isObject(schema) || schema['type'] !== 'record' || typeof schema['name'] !== 'string') {
    return undefined
  }
  const { fields } = schema
  return Array.isArray(fields) &&
    fields.every((field) => isObject(field) && typeof field['name'] === 'string')
    ? (schema as RawRecord)
    : undefined
}

export function fieldOf(record: RawRecord | undefined, name: string): RawField | undefined {
  return record?.fields.find((field) => field.name === name)
}

/** The record that a field holds: itself, or the branch of a union; not followed by name. */
export function recordIn(field: RawField | undefined): RawRecord | undefined {
  for (const branch of branchesOf(field?.type)) {
    const record = asRecord(branch)
    if (record) return record
  }
  return undefined
}

export function columnIn(field: RawField): RawColumn {
  const { type, nullable } = branchIn(field.type)
  const initial = isObject(type) ? type['connect.default'] : undefined
  return {
    ...columnOf(type),
    nullable,
    defaults: [field.default, initial].filter((value) => value !== undefined),
  }
}

/** The branch of a union that is not null; undefined where there is more than one. */
function branchIn(type: unknown): { readonly type: unknown; readonly nullable: boolean } {
  const branches = branchesOf(type)
  const others = branches.filter((branch) => branch !== 'null')
  const [only] = others.length === 1 ? others : []
  return { type: only, nullable: others.length < branches.length }
}

function columnOf(type: unknown): AvroColumn {
  if (!isObject(type)) return { avro: plainName(type), connectName: undefined }
  const name = type['connect.name']
  const connectName = typeof name === 'string' ? name : undefined
  if (type['type'] !== 'array') return { avro: plainName(type['type']), connectName }
  return { avro: 'array', connectName, items: columnOf(branchIn(type['items']).type) }
}

function plainName(type: unknown): string | undefined {
  return typeof type === 'string' && plain.has(type) ? type : undefined
}

/** `namespace.name`, as Avro makes it. */
export function fullName(record: RawRecord, inherited: string | undefined): string {
  const namespace = record.namespace ?? inherited
  return record.name.includes('.') || !namespace ? record.name : `${namespace}.${record.name}`
}

export function namespaceOf(record: RawRecord): string | undefined {
  const dot = record.name.lastIndexOf('.')
  return dot < 0 ? record.namespace : record.name.slice(0, dot)
}

const plain = new Set(['boolean', 'int', 'long', 'float', 'double', 'string', 'bytes'])

function branchesOf(type: unknown): readonly unknown[] {
  return Array.isArray(type) ? type : [type]
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
