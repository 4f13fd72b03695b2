import type { Schema } from 'avsc'

/**
 * The schema with names that Avro allows. Debezium names records after topics and tables, and lets a
 * digit begin a part of such a name: `tide.1.public.boats`, `shop.public.2026_orders`. Names of
 * fields, and the attributes that Connect adds, stay as they are.
 */
export function withLegalNames(schema: Schema): Schema {
  return legal(schema) as Schema
}

function legal(schema: unknown): unknown {
  if (typeof schema === 'string') return legalName(schema)
  if (Array.isArray(schema)) return schema.map(legal)
  if (typeof schema !== 'object' || schema === null) return schema
  const given = schema as Readonly<Record<string, unknown>>
  const changed = Object.entries(given).map(([name, value]) => [name, changedPart(name, value)])
  return Object.fromEntries(changed)
}

function changedPart(name: string, value: unknown): unknown {
  switch (name) {
    case 'name':
    case 'namespace':
      return typeof value === 'string' ? legalName(value) : value
    case 'type':
    case 'items':
    case 'values':
      return legal(value)
    case 'fields':
      return Array.isArray(value) ? value.map(legalField) : value
    default:
      return value
  }
}

function legalField(field: unknown): unknown {
  if (typeof field !== 'object' || field === null || !('type' in field)) return field
  return { ...field, type: legal(field.type) }
}

function legalName(name: string): string {
  return name.replaceAll(/(^|\.)(?=\d)/g, '$1_')
}
