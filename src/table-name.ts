/**
 * Names of tables as declarations have them: `orders` of schema `public`, or `sales.orders`. A part
 * that has a dot or a quote in it stands in quotes, as in SQL: `sales."v1.orders"`. Upper case
 * counts, quoted or not.
 */
export type TableName = { readonly schema: string; readonly name: string }

/** Undefined for text that names no table. */
export function parseTable(text: string): TableName | undefined {
  const match = /^(?:("(?:[^"]|"")+"|[^".]+)\.)?("(?:[^"]|"")+"|[^".]+)$/su.exec(text)
  if (!match) return undefined
  const [schema, name] = [match[1] ?? 'public', match[2]!].map(unquoted) as [string, string]
  return { schema, name }
}

/** The same text for the same table, however it was written. */
export function canonicalTable(text: string): string {
  const { schema, name } = tableOf(text)
  return schema === 'public' ? quoted(name) : `${quoted(schema)}.${quoted(name)}`
}

/** Throws for text that names no table. */
export function tableOf(text: string): TableName {
  const found = parseTable(text)
  if (!found) throw new Error(`${text} names no table`)
  return found
}

/** What the name of its topic ends in: `public.users`. What Kafka does not take is a `_` there. */
export function tableInTopics(table: string): string {
  const { schema, name } = tableOf(table)
  return `${schema}.${name}`.replaceAll(/[^A-Za-z0-9._-]/g, '_')
}

/** Tables whose names differ in nothing that a topic's name can hold, each with the first of that name. */
export function sharingTopics(
  tables: readonly string[],
): readonly { readonly table: string; readonly other: string }[] {
  const first = new Map<string, string>()
  return tables.flatMap((table) => {
    const topic = tableInTopics(table)
    const other = first.get(topic)
    if (other !== undefined) return [{ table, other }]
    first.set(topic, table)
    return []
  })
}

function unquoted(part: string): string {
  return part.startsWith('"') ? part.slice(1, -1).replaceAll('""', '"') : part
}

function quoted(part: string): string {
  return /[".]/.test(part) ? `"${part.replaceAll('"', '""')}"` : part
}
