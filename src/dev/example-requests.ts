/** Requests to try, made of the declarations and of keys that the source has. */
import type { Client } from 'pg'
import type { Config } from '../config.ts'
import { spellKey } from '../entry-key.ts'
import { identifier, tableName } from '../view/sql-text.ts'
import { conditionSql } from '../view/condition.ts'
import { keyedSql, ordered, partTexts } from '../view/truth-keys.ts'
import { rowGroupsOf, type View } from '../view/view.ts'
import { withClient } from './sql-files.ts'

export type ExampleParts = {
  readonly views: readonly View[]
  readonly config: Pick<Config, 'apiOperators'>
  /** The source, by a role that may read the tables. */
  readonly source: string
  readonly api: string
}

const statementTimeoutMs = 5_000

/** One for each view, in their order. */
export async function exampleRequests(parts: ExampleParts): Promise<readonly string[]> {
  const { views, source } = parts
  const keys = await someKeys(source, views).catch(() => [])
  return views.map((view, at) => requestFor(view, keys[at], parts))
}

/** The parts of a key of each view; undefined where its table is empty, or can't be asked. */
function someKeys(
  source: string,
  views: readonly View[],
): Promise<readonly (readonly string[] | undefined)[]> {
  const work = async (client: Client) => {
    const found: (readonly string[] | undefined)[] = []
    for (const view of views) {
      const { rows } = await client.query<string[]>({ text: someKeySql(view), rowMode: 'array' })
      found.push(rows[0])
    }
    return found
  }
  return withClient(source, work, { statementTimeoutMs })
}

function someKeySql(view: View): string {
  const { row } = view
  const group = row ? { table: row.table, by: row.key, where: [] } : rowGroupsOf(view)[0]!
  const columns = group.by.map(identifier)
  const keys = ordered(view, columns).map((key, at) => `${key} as k${at}`)
  const conditions = [...keyedSql(view, columns), ...group.where.map(conditionSql)]
  const texts = partTexts(
    view,
    keys.map((_, at) => `k${at}`),
  )
  return (
    `select ${texts.join(', ')} from (select ${keys.join(', ')} from ${tableName(group.table)} ` +
    `where ${conditions.join(' and ')} limit 1) as found`
  )
}

function requestFor(
  view: View,
  parts: readonly string[] | undefined,
  { config, api }: ExampleParts,
): string {
  const names = view.key.map(({ name }) => name)
  const written = (name: string) => {
    const part = parts?.[names.indexOf(name)]
    return part === undefined ? `:${name}` : encodeURIComponent(part)
  }
  if (view.serve !== undefined) {
    return curl(`${api}${view.serve.replaceAll(/:(\w+)/g, (_, name: string) => written(name))}`)
  }
  const spelled = parts && spellKey(parts)
  const key = spelled === undefined ? ':key' : encodeURIComponent(spelled)
  if (config.apiOperators) return curl(`${api}/views/${view.name}/${key}`)
  return `${view.name}: not served over HTTP, for it has no \`serve\``
}

/** A shell would read parentheses, quotes and the like of such a URL itself. */
function curl(url: string): string {
  return /^[\w:/.%~-]+$/.test(url) ? `curl ${url}` : `curl '${url.replaceAll("'", '%27')}'`
}
