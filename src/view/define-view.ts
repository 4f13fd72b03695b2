import type { ColumnType } from '../change.ts'
import { MillraceError } from '../errors.ts'
import { viewOf, type View } from './view.ts'

/**
 * Makes a view of a declaration. A declaration that can't work throws `view-invalid`, which names
 * everything that is wrong with it.
 *
 *     defineView({
 *       name: 'user-information',
 *       key: { userId: 'bigint' },
 *       row: from('users', { key: 'user_id', fields: { name: 'name' } }),
 *       counts: { tweetCount: countOf('tweets', { by: 'user_id' }) },
 *     })
 */
export function defineView(declaration: ViewDeclaration): View {
  const wrong = faultsOf(declaration)
  if (wrong.length > 0) {
    throw new MillraceError(
      'view-invalid',
      `view '${declaration.name}' can't be defined: ${wrong.join('; ')}`,
      { hint: 'Change the declaration in src/views.' },
    )
  }
  const [[name, type]] = Object.entries(declaration.key) as [[string, 'bigint' | 'text']]
  const fields = Object.entries(declaration.row.fields).map(([field, source]) => ({
    name: field,
    stored: field,
    ...columnOf(source),
  }))
  const counts = Object.entries(declaration.counts ?? {}).map(([count, { table, by }]) => ({
    name: count,
    stored: count,
    table,
    by,
  }))
  const { row, serve } = declaration
  return viewOf({
    name: declaration.name,
    key: { name, type },
    row: { table: row.table, key: row.key, fields },
    counts,
    serve,
  })
}

export type ViewDeclaration = {
  /** Lower case words with hyphens between them: `user-information`. */
  readonly name: string
  /** Exactly one: the name of the entry's key, and its type. */
  readonly key: Readonly<Record<string, 'bigint' | 'text'>>
  readonly row: RowDeclaration
  readonly counts?: Readonly<Record<string, CountDeclaration>>
  /**
   * Path under which HTTP serves an entry, with the key as its last part: `/users/:userId`. The path
   * without that serves many, `/users?ids=1,2`. Left out, the view is not public.
   */
  readonly serve?: string
}

export type RowDeclaration = {
  readonly table: string
  /** The column with the entry's key: the table's whole primary key. */
  readonly key: string
  readonly fields: Readonly<Record<string, FieldDeclaration>>
}

/** A column's name, which means text, or a column with its type. */
export type FieldDeclaration = string | { readonly column: string; readonly type: ColumnType }

export type CountDeclaration = { readonly table: string; readonly by: string }

/** The row that owns an entry: the entry exists for readers while the row does. */
export function from(table: string, row: Omit<RowDeclaration, 'table'>): RowDeclaration {
  return { table, ...row }
}

/** How many rows of `table` have the entry's key in column `by`. */
export function countOf(table: string, { by }: { readonly by: string }): CountDeclaration {
  return { table, by }
}

/** A column of type `timestamptz`. */
export function timestamptz(column: string): FieldDeclaration {
  return { column, type: 'timestamptz' }
}

/** A column of type `smallint`, `integer` or `bigint`. */
export function bigint(column: string): FieldDeclaration {
  return { column, type: 'bigint' }
}

function columnOf(field: FieldDeclaration): { column: string; type: ColumnType } {
  return typeof field === 'string' ? { column: field, type: 'text' } : field
}

/** Names that JavaScript gives to every object, or that a store may want for itself. */
const reserved = new Set(
  // The last ones are columns that Postgres gives to every table.
  `constructor prototype exists watermark present
   ctid xmin xmax cmin cmax tableoid`.split(/\s+/),
)

function faultsOf(declaration: ViewDeclaration): string[] {
  const { name, key, row, counts = {} } = declaration
  const keys = Object.entries(key)
  const names = [...Object.keys(key), ...Object.keys(row.fields), ...Object.keys(counts)]
  return [
    ...(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) ? [] : ['its name is not in kebab-case']),
    ...(name === 'millrace' ? [`the name 'millrace' is reserved`] : []),
    ...(keys.length === 1 ? [] : [`it needs one key, not ${keys.length}`]),
    ...keys.flatMap(([keyName, type]) =>
      ['bigint', 'text'].includes(type) ? [] : [`key ${keyName} is neither bigint nor text`],
    ),
    ...names.flatMap((field) => faultsOfName(field)),
    ...collisionsOf(names),
    ...faultsOfColumns(declaration),
    ...faultsOfServe(declaration),
  ]
}

/** Paths that the server has for itself. */
const ownPaths = ['health', 'ready', 'fresh', 'status', 'openapi.json', 'views']

function faultsOfServe({ serve, key }: ViewDeclaration): string[] {
  if (serve === undefined) return []
  const end = Object.keys(key)
    .map((name) => `/:${name}`)
    .join('')
  const [, first, ...rest] = serve.slice(0, -end.length).split('/')
  if (!serve.endsWith(end) || !serve.startsWith('/') || first === undefined) {
    return [`serve '${serve}' is no path that ends in ${end}, as /entries${end}`]
  }
  return [
    ...(ownPaths.includes(first) ? [`serve '${serve}' is a path of the server's own`] : []),
    ...[first, ...rest].flatMap((part) =>
      /^[A-Za-z0-9._~-]+$/.test(part) ? [] : [`serve '${serve}': '${part}' is no part of a path`],
    ),
  ]
}

function faultsOfName(name: string): string[] {
  if (!/^[a-z][a-zA-Z0-9]{0,62}$/.test(name)) return [`'${name}' is not a camelCase name`]
  return reserved.has(name) ? [`the name '${name}' is reserved`] : []
}

/** Stores spell names their own way, so two that differ in upper case alone may meet. */
function collisionsOf(names: readonly string[]): string[] {
  const seen = new Map<string, string>()
  return names.flatMap((name) => {
    const first = seen.get(name.toLowerCase())
    if (first === undefined) {
      seen.set(name.toLowerCase(), name)
      return []
    }
    return [first === name ? `'${name}' is named twice` : `'${first}' and '${name}' collide`]
  })
}

function faultsOfColumns({ key, row, counts = {} }: ViewDeclaration): string[] {
  const fields = Object.entries(row.fields).map(([name, field]) => ({ name, ...columnOf(field) }))
  const identifiers = [
    row.table,
    row.key,
    ...fields.map((field) => field.column),
    ...Object.values(counts).flatMap((count) => [count.table, count.by]),
  ]
  const types = new Map<string, ColumnType>()
  const note = (table: string, column: string, type: ColumnType | undefined): string[] => {
    const known = types.get(`${table}.${column}`)
    if (type === undefined || known === type) return []
    types.set(`${table}.${column}`, known ?? type)
    return known ? [`column ${column} of ${table} is both ${known} and ${type}`] : []
  }
  const keyType = Object.values(key)[0]
  return [
    ...identifiers.flatMap((identifier) =>
      /^[^\0"]{1,63}$/u.test(identifier) ? [] : [`'${identifier}' can't name a table or column`],
    ),
    ...note(row.table, row.key, keyType),
    ...Object.values(counts).flatMap((count) => note(count.table, count.by, keyType)),
    ...fields.flatMap((field) => note(row.table, field.column, field.type)),
  ]
}
