import type { Entry, NamedPart, TallyItem, ViewLayout } from '../../mutation.ts'
import type { CellSql } from './cell-sql.ts'
import { checkpointsSql } from './checkpoints.ts'
import { statement, type SqlRow, type Statement } from './connection.ts'
import { asText, columnName, columnOf, keyArrays, keyText, quote } from './entry-columns.ts'

export type EntryPlace = {
  /** The table as SQL writes it, `"public"."user_information"`. */
  readonly table: string
  readonly key: readonly NamedPart[]
  readonly cells: CellSql
}

/** Statements on a view's table that are known by its layout. The table has the alias `e`. */
export class EntrySql {
  readonly layout: ViewLayout
  readonly table: string
  /** The key's columns. */
  readonly keys: readonly string[]
  /** Their types. */
  readonly keyTypes: readonly string[]
  /** SQL for the key of the alias `e`. */
  readonly entryText: string
  /**
   * Values: parts of keys; what becomes of the row; fields; amounts. Answers those that hold nothing
   * or have a counter below zero: `entry`, `empty` and `c0`….
   */
  readonly apply: Statement
  /** Locks the keys' entries, changes none, and answers as `apply` does. Values: parts of keys. */
  readonly touch: Statement
  /** Removes those of the keys that hold nothing. Values: parts of keys. */
  readonly removeEmpty: Statement
  /** True where the entry exists for readers. */
  readonly exists: string
  /** Columns `entry`, `f0`… and `c0`…, where a missing counter is 0. */
  readonly columns: string
  /** Further columns `t0`… for the layout's slices, each after a comma. */
  readonly slices: string
  /** Values: view, epoch, parts of keys or null. Answers `texts` in the order asked, `checkpoints` and `keep_from`. */
  readonly look: Statement
  /** For the table of the view's tallies, which is there if the layout has any. */
  readonly cells: CellSql
  readonly #key: readonly NamedPart[]

  /** `others` are columns that the layout does not name, and that go with the owning row. */
  constructor({ table, key, cells }: EntryPlace, layout: ViewLayout, others: readonly string[]) {
    this.layout = layout
    this.table = table
    this.cells = cells
    this.#key = key
    this.keys = key.map(({ name }) => quote(columnName(name)))
    this.keyTypes = key.map((part) => columnOf(part).type)
    this.entryText = keyText(key)
    const counts = layout.counts.map((name) => `e.${quote(columnName(name))}`)
    const isEmpty = [
      'e.present is not true',
      ...counts.map((count) => `coalesce(${count}, 0) = 0`),
    ].join(' and ')
    const numbers = counts.map((count, index) => `coalesce(${count}, 0) as c${index}`)
    const present = layout.presence.map((name) => `e.${quote(columnName(name))} > 0`)
    this.exists = present.length === 0 ? 'e.present' : `(${present.join(' or ')})`
    this.columns = [
      `${this.entryText} as entry`,
      ...layout.fields.map((field, index) => `${asText(field)} as f${index}`),
      ...numbers,
    ].join(', ')
    this.slices = layout.slices
      .map((slice, index) => `, ${cells.slice(slice, this.#own)} as t${index}`)
      .join('')
    this.look = statement('look', this.#lookText(this.#textSql(isEmpty)))
    const told = [`${this.entryText} as entry`, `${isEmpty} as empty`, ...numbers].join(', ')
    const worth = `(${[isEmpty, ...counts.map((count) => `${count} < 0`)].join(' or ')})`
    this.apply = statement('apply', this.#applyText(others, told, worth))
    this.touch = statement(
      'touch',
      `select ${told} from ${table} e where ${this.among(1)} and ${worth}
       order by ${this.order} for update`,
    )
    this.removeEmpty = statement(
      'remove empty',
      `delete from ${table} e where ${this.among(1)} and ${isEmpty}`,
    )
  }

  /** SQL that is true for these keys, whose parts are the values from `$first` on. */
  among(first: number): string {
    const arrays = this.keyTypes.map((type, at) => `$${first + at}::${type}[]`)
    if (arrays.length === 1) return `e.${this.keys[0]} = any(${arrays[0]})`
    return `(${this.order}) in (select * from unnest(${arrays.join(', ')}))`
  }

  /** Parts of one key, which are the values from `$first` on. */
  parameters(first: number): readonly string[] {
    return this.keyTypes.map((type, at) => `$${first + at}::${type}`)
  }

  /** The key's columns of the alias `e`, as `order by` takes them. */
  get order(): string {
    return this.#own.join(', ')
  }

  /** The key's columns of the alias `e`. */
  get #own(): readonly string[] {
    return this.keys.map((name) => `e.${name}`)
  }

  /** The values that `among` and `look` take. */
  values(keys: readonly (string | null)[]): readonly (readonly (string | null)[])[] {
    return keyArrays(this.#key, keys)
  }

  /** From a row that has `columns`. */
  entry(row: SqlRow): Entry {
    const fields = this.layout.fields.map(
      ({ name }, index) => [name, row[`f${index}`] as string | null] as const,
    )
    const slices = this.layout.slices.map(
      ({ name }, index) => [name, parseItems(row[`t${index}`])] as const,
    )
    return {
      key: row.entry as string,
      fields: Object.fromEntries(fields),
      counts: this.counts(row),
      ...(slices.length > 0 && { slices: Object.fromEntries(slices) }),
    }
  }

  /** From a row that has `c0` and so on. */
  counts(row: SqlRow): Readonly<Record<string, bigint>> {
    return Object.fromEntries(
      this.layout.counts.map((name, index) => [name, BigInt(row[`c${index}`] as string)] as const),
    )
  }

  /** A key that is null finds nothing. */
  #lookText(text: string): string {
    const arrays = this.keyTypes.map((type, at) => `$${3 + at}::${type}[]`).join(', ')
    const names = this.keys.map((_, at) => `k${at}`)
    const same = this.keys.map((name, at) => `e.${name} = asked.k${at}`).join(' and ')
    return `select
       (select coalesce(json_agg(${text} order by asked.place), '[]')
        from unnest(${arrays}) with ordinality as asked (${names.join(', ')}, place)
          left join ${this.table} e on ${same}) as texts,
       (select coalesce(json_agg(c), '[]')
        from (select ${checkpointsSql} from millrace.checkpoints c where c.view = v.view) c
       ) as checkpoints, v.keep_from::float8
     from millrace.views v where v.view = $1 and v.epoch = $2`
  }

  /** The entry as one text, as `entry-text.ts` writes it; the alias `asked` has its key. */
  #textSql(isEmpty: string): string {
    const { fields, counts, tallies } = this.layout
    const asked = this.keys.map((_, at) => `asked.k${at}`)
    const row = [...this.#key, ...fields].map((column) => cellSql(asText(column))).join(' || ')
    const names = counts.map((name) => `e.${quote(columnName(name))}::text`)
    const tail = (missing: string) => {
      const amounts = names.map((name) => `coalesce(${name}, '${missing}')`)
      return amounts.length === 0 ? "';'" : `';' || ${amounts.join(" || ';' || ")}`
    }
    const told = tallies.map((tally) => ` || '|' || ${this.cells.text(tally, asked)}`).join('')
    const nothing = tallies.map((tally) => ` and not ${this.cells.any(tally, asked)}`).join('')
    return `(case when e.present then '+' || ${row} || ${tail('-')}
      when e.${this.keys[0]} is not null and ${isEmpty}${nothing} then '!' || ${tail('0')}
      else '-' || ${tail('0')} end)${told}`
  }

  /**
   * One statement for a whole batch. `present` says what becomes of the owning row: true puts it,
   * false removes it, null leaves it. An amount that is null leaves the counter, which may be
   * missing; a row that is put has every counter. `worth` is true of what is worth telling.
   */
  #applyText(others: readonly string[], told: string, worth: string): string {
    const { fields, counts } = this.layout
    const owned = fields.map(({ name }) => quote(columnName(name)))
    const added = counts.map((name) => quote(columnName(name)))
    const types = [
      ...this.keyTypes,
      'boolean',
      ...fields.map((field) => columnOf(field).type),
      ...counts.map(() => 'bigint'),
    ]
    const aliases = types.map((_, index) => `a${index}`)
    const present = aliases[this.keys.length]!
    const rowLength = this.keys.length + 1 + fields.length
    const values = [
      ...aliases.slice(0, rowLength),
      ...aliases
        .slice(rowLength)
        .map((amount) => `case when ${present} then coalesce(${amount}, 0) else ${amount} end`),
    ]
    const set = [
      'present = coalesce(excluded.present, e.present)',
      ...owned.map(
        (name) =>
          `${name} = case when excluded.present is null then e.${name} else excluded.${name} end`,
      ),
      ...others
        .map(quote)
        .map(
          (name) => `${name} = case when excluded.present is false then null else e.${name} end`,
        ),
      ...added.map(
        (name) =>
          `${name} = case when excluded.${name} is null then e.${name}
            else coalesce(e.${name}, 0) + excluded.${name} end`,
      ),
    ]
    // Every batch locks entries in the order of their keys, so none waits in a circle.
    return `with touched as (
      insert into ${this.table} as e (${[...this.keys, 'present', ...owned, ...added].join(', ')})
      select ${values.join(', ')}
      from unnest(${types.map((type, index) => `$${index + 1}::${type}[]`).join(', ')})
        as given (${aliases.join(', ')})
      order by ${aliases.slice(0, this.keys.length).join(', ')}
      on conflict (${this.keys.join(', ')}) do update set ${set.join(', ')}
      returning ${told}, ${worth} as worth
    )
    select * from touched where worth`
  }
}

/** From the JSON of `CellSql.slice`, and of a look at items. */
export function parseItems(json: unknown): readonly TallyItem[] {
  const pairs = json as readonly (readonly [item: string, amount: number])[]
  return pairs.map(([item, amount]) => ({ item, amount: BigInt(amount) }))
}

function cellSql(text: string): string {
  return `coalesce(octet_length(${text}) || ':' || ${text}, '-')`
}
