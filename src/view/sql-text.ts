/** How names and values are spelled in SQL. */
import { tableOf } from '../table-name.ts'

export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Right whatever `standard_conforming_strings` says. A NUL can't stand in SQL. */
export function literal(text: string): string {
  if (text.includes('\0')) throw new Error('a NUL can not be written in SQL')
  const quoted = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`
  return text.includes('\\') ? ` E${quoted}` : quoted
}

/** An array of texts; the cast to its type is the caller's. */
export function arrayLiteral(texts: readonly string[]): string {
  const items = texts.map((text) => `"${text.replace(/["\\]/g, '\\$&')}"`)
  return literal(`{${items.join(',')}}`)
}

export function tableName(table: string): string {
  const { schema, name } = tableOf(table)
  return `${schema === 'public' ? schema : identifier(schema)}.${identifier(name)}`
}
