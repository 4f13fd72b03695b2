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
export type RawColumn = {
  readonly nullable: boolean
  /** `long`, `string`, … or undefined where the type is not a plain one. */
  readonly avro: string | undefined
  /** The type's name in Connect, where it means more than its Avro type: `io.debezium.time.Date`. */
  readonly connectName: string | undefined
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
  const branches = branchesOf(field.type)
  const others = branches.filter((branch) => branch !== 'null')
  const [type] = others
  const attributes = isObject(type) ? type : {}
  const avro = others.length === 1 ? (isObject(type) ? type['type'] : type) : undefined
  return {
    nullable: others.length < branches.length,
    avro: typeof avro === 'string' && plain.has(avro) ? avro : undefined,
    connectName:
      typeof attributes['connect.name'] === 'string' ? attributes['connect.name'] : undefined,
    defaults: [field.default, attributes['connect.default']].filter((value) => value !== undefined),
  }
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
