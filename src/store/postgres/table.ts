import type { ColumnType } from '../../change.ts'
import { MillraceError, unreachable } from '../../errors.ts'
import type { NamedColumn, ViewLayout } from '../../mutation.ts'
import { sqlTimestamptz } from '../../timestamptz.ts'
import { fitsInt64 } from '../checks.ts'
import { spell } from '../codec.ts'
import type { StoredEntry } from '../store.ts'
import { lockNumber, type PostgresConnection, type SqlRow, type Statement } from './connection.ts'

/**
 * The view's table, in the default schema: the key, `present` (true while the owning row exists;
 * its fields are null otherwise), the owning row's fields, and the counters.
 */
export class ViewTable {
  readonly name: string
  /** Sets, removes or leaves owning rows and adds to counters; answers what needs a look. */
  readonly apply: Statement
  readonly remove: Statement
  /** Columns of an entry as text, as every store answers them. */
  readonly columns: string
  readonly key: string
  readonly keyType: string
  readonly #layout: ViewLayout

  /** `schema` is where the table lies; see `open`. */
  constructor(layout: ViewLayout, schema: string) {
    this.#layout = layout
    this.name = `"${schema.replaceAll('"', '""')}".${quote(layout.name)}`
    this.key = quote(layout.key.name)
    this.keyType = layout.key.type
    const counts = layout.counts.map(quote)
    this.columns = [
      `${asText(layout.key)} as key`,
      'e.present',
      ...layout.fields.map((field) => `${asText(field)} as ${quote(field.name)}`),
      ...counts.map((count) => `e.${count}`),
    ].join(', ')
    this.apply = { name: `apply ${layout.name}`, text: applyText(this.name, layout) }
    this.remove = {
      name: `remove ${layout.name}`,
      text: `delete from ${this.name} where ${this.key} = any($1::${this.keyType}[])`,
    }
  }

  /** Creates the table where it is missing; refuses one of another shape (`store-layout`). */
  static async open(connection: PostgresConnection, layout: ViewLayout): Promise<ViewTable> {
    const table = new ViewTable(layout, await defaultSchema(connection))
    await table.#create(connection)
    return table
  }

  async #create(connection: PostgresConnection): Promise<void> {
    const begin = `begin; select pg_advisory_xact_lock(${lockNumber('tables')})`
    const expected = this.#definition()
    await connection.transaction(begin, async (transaction) => {
      const found = await transaction.query(
        `select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute
         where attrelid = to_regclass($1) and attnum > 0 and not attisdropped`,
        [this.name],
      )
      if (found.rows.length === 0) {
        const columns = expected.map(({ name, type, rule }) => `${quote(name)} ${type}${rule}`)
        await transaction.query(
          `create table ${this.name} (${columns.join(', ')}) with (fillfactor = 80)`,
        )
        return true
      }
      const types = new Map(found.rows.map(({ name, type }) => [name, type]))
      const wrong = expected.filter(({ name, type }) => types.get(unquoted(name)) !== type)
      if (wrong.length > 0) throw layoutError(this.name, wrong[0]!)
      return true
    })
  }

  /** Keys that can be in the table; others are no entry's, and Postgres would refuse them. */
  possible(keys: readonly string[]): readonly string[] {
    if (this.keyType !== 'bigint') return keys.filter((key) => !key.includes('\0'))
    return keys.filter((key) => /^(?:0|-?[1-9]\d{0,18})$/.test(key) && fitsInt64(BigInt(key)))
  }

  parse(row: SqlRow): StoredEntry {
    const fields = this.#layout.fields.map(({ name }) => [name, row[spell(name, '_')] as string])
    const counts = this.#layout.counts.map(
      (count) => [count, BigInt(row[spell(count, '_')] as string)] as const,
    )
    return {
      key: row.key as string,
      fields: row.present === true ? Object.fromEntries(fields) : null,
      counts: Object.fromEntries(counts),
    }
  }

  #definition() {
    const { key, fields, counts } = this.#layout
    const column = (name: string, type: ColumnType | 'boolean', rule = '') => ({
      name,
      type: typeName(type),
      rule,
    })
    return [
      column(key.name, key.type, ' primary key'),
      column('present', 'boolean'),
      ...fields.map(({ name, type }) => column(name, type)),
      ...counts.map((count) => column(count, 'bigint', ' not null default 0')),
    ]
  }
}

/**
 * One statement for a whole batch, in the order of the keys, so that batches that touch the same
 * entries wait for each other and never in a circle. `present` says what becomes of the owning
 * row: true puts it, false removes it, null leaves it. Answers entries that are empty now, and
 * those with a counter below zero.
 */
function applyText(table: string, { key, fields, counts }: ViewLayout): string {
  const owned = fields.map(({ name }) => quote(name))
  const added = counts.map(quote)
  const types = [
    key.type,
    'boolean',
    ...fields.map(({ type }) => type),
    ...counts.map(() => 'bigint'),
  ]
  const arrays = types.map((type, index) => `$${index + 1}::${type}[]`)
  const set = [
    'present = coalesce(excluded.present, e.present)',
    ...owned.map(
      (name) =>
        `${name} = case when excluded.present is null then e.${name} else excluded.${name} end`,
    ),
    ...added.map((name) => `${name} = e.${name} + excluded.${name}`),
  ]
  const zero = added.map((name) => `${name} = 0`)
  const below = added.map((name) => `${name} < 0`)
  return `with touched as (
    insert into ${table} as e (${[quote(key.name), 'present', ...owned, ...added].join(', ')})
    select * from unnest(${arrays.join(', ')}) order by 1
    on conflict (${quote(key.name)}) do update set ${set.join(', ')}
    returning ${[`${asText(key)} as key`, 'e.present', ...added.map((name) => `e.${name}`)].join(', ')}
  )
  select * from touched
  where ${['present is not true', ...zero].join(' and ')}${below.map((test) => ` or ${test}`).join('')}`
}

/**
 * The first schema of the search path where tables can go, but not that of the books: for a role
 * named `millrace` that one comes first, by `"$user"`.
 */
async function defaultSchema(connection: PostgresConnection): Promise<string> {
  const { rows } = await connection.query(
    `select name from unnest(current_schemas(false)) with ordinality as s (name, place)
     where name <> 'millrace' order by place limit 1`,
  )
  return (rows[0]?.name as string | undefined) ?? 'public'
}

function asText({ name, type }: NamedColumn): string {
  const column = `e.${quote(name)}`
  switch (type) {
    case 'text':
      return column
    case 'bigint':
      return `${column}::text`
    case 'timestamptz':
      return sqlTimestamptz(column)
    default:
      return unreachable(type)
  }
}

function layoutError(table: string, column: { readonly name: string; readonly type: string }) {
  const { name, type } = column
  return new MillraceError(
    'store-layout',
    `${table} has no column ${quote(name)} of type ${type}`,
    {
      hint: `It was made for another declaration of the view. DROP TABLE ${table}, then rebuild the view.`,
    },
  )
}

/** `tweetCount` -> `"tweet_count"`. */
function quote(name: string): string {
  return `"${unquoted(name).replaceAll('"', '""')}"`
}

function unquoted(name: string): string {
  return spell(name, '_')
}

/** As `format_type` says it. */
function typeName(type: ColumnType | 'boolean'): string {
  return type === 'timestamptz' ? 'timestamp with time zone' : type
}
