import type { NamedPart, NamedSlice, TallyLayout } from '../../mutation.ts'
import { spell } from '../codec.ts'
import { limits } from '../limits.ts'
import { checkpointsSql } from './checkpoints.ts'
import { statement, type Statement } from './connection.ts'
import { columnName, columnOf, keyText, quote } from './entry-columns.ts'

/** Cells that one statement of a sweep removes. */
const sweptAtOnce = 10_000

/**
 * Characters of an item that indexes hold: an index takes about 2,700 bytes, and an item may be of
 * any length. One that is longer is told from others by its hash.
 */
export const startLength = 200

/** As `fitsCell` says it. */
export const amountMost = 2n ** 53n - 1n

/** Columns besides the key's, whose parts may have these names already: then `item` is `item_`. */
export function cellColumns(key: readonly NamedPart[]) {
  const taken = new Set(key.map(({ name }) => columnName(name)))
  const free = (name: string): string => (taken.has(name) ? free(`${name}_`) : name)
  return {
    tally: free('tally'),
    item: free('item'),
    hash: free('item_hash'),
    amount: free('amount'),
  }
}

/** How the table has the name of a tally. */
export function tallyName(stored: string): string {
  return spell(stored, '_')
}

export type CellPlace = {
  /** The table as SQL writes it, `"public"."user_information_cells"`. */
  readonly table: string
  readonly key: readonly NamedPart[]
}

/** Statements on the table of a view's cells, which has the alias `c`. */
export class CellSql {
  readonly table: string
  /**
   * Adds amounts. Values: parts of keys, tallies, items, amounts; no item twice. Answers those that
   * stand at zero, with their place in the table, or below it.
   */
  readonly apply: Statement
  /** Values: places in the table, of rows that this transaction has written. */
  readonly removeZeros: Statement
  /** Those of the items that are there. Values: tally, items, parts of the key. Answers `amounts`. */
  readonly amounts: Statement
  /** The same, then view and epoch. Answers `checkpoints` too, or nothing of another epoch. */
  readonly look: Statement
  /** Values: tally, item after which to begin, parts of the key. */
  readonly nextItems: Statement
  /** The same from the beginning, without an item. */
  readonly firstItems: Statement
  /** Some places in the table where these tallies of these entries lie. Values: tallies, parts of keys. */
  readonly find: Statement
  /** The same of all their cells. Values: parts of keys. */
  readonly findAll: Statement
  /** Removes what lies there and has not been written since. Values: places in the table. */
  readonly remove: Statement
  /** Those of the entries that have any cell, as `entry`. Values: parts of keys. */
  readonly holders: Statement
  readonly #keys: readonly string[]
  readonly #keyTypes: readonly string[]
  readonly #entryText: string
  readonly #names: ReturnType<typeof cellColumns>

  constructor({ table, key }: CellPlace) {
    const { tally, item, hash, amount } = cellColumns(key)
    this.table = table
    this.#keys = key.map(({ name }) => quote(columnName(name)))
    this.#keyTypes = key.map((part) => columnOf(part).type)
    this.#entryText = keyText(key)
    this.#names = {
      tally: quote(tally),
      item: quote(item),
      hash: quote(hash),
      amount: quote(amount),
    }
    this.apply = statement('apply cells', this.#applyText())
    this.removeZeros = statement(
      'remove zeros',
      `delete from ${table} c where c.ctid = any($1::tid[]) and c.${quote(amount)} = 0`,
    )
    this.amounts = statement('amounts', `select ${this.#amountsText()} as amounts`)
    this.look = statement('look at items', this.#lookText(key.length))
    this.firstItems = statement('first items', this.#itemsText(2, ''))
    const next = `(${startSql(`c.${quote(item)}`)}, c.${quote(hash)}) > (${startSql('$2::text')}, ${hashSql('$2::text')})`
    this.nextItems = statement('next items', this.#itemsText(3, `and ${next}`))
    this.find = statement('find cells', this.#findText(2, `and c.${tally} = any($1::text[])`))
    this.findAll = statement('find all cells', this.#findText(1, ''))
    this.remove = statement('remove cells', this.#removeText())
    this.holders = statement('holders of cells', this.#holdersText())
  }

  /** SQL that is true where an entry has a cell of this tally; its key's parts are given as SQL. */
  any({ name }: TallyLayout, key: readonly string[]): string {
    return `exists (select from ${this.table} c where ${this.#ofTally(name, key)})`
  }

  /** SQL for a tally of an entry, as `entry-text.ts` writes it. */
  text({ name }: TallyLayout, key: readonly string[]): string {
    const { item, amount } = this.#names
    const cell = `octet_length(s.${item}) || ':' || s.${item} || s.${amount} || ';'`
    return `(select case when count(*) > ${limits.cellsMax} then '*'
        else coalesce(string_agg(${cell}, '' order by s.${amount} desc, s.${item}), '') end
      from (select c.${item}, c.${amount} from ${this.table} c
        where ${this.#ofTally(name, key)} and c.${amount} <> 0 limit ${limits.cellsMax + 1}) s)`
  }

  /** SQL for a slice, as a JSON array of items and amounts. */
  slice({ tally, order, most }: NamedSlice, key: readonly string[]): string {
    const { item, amount } = this.#names
    const start = startSql(`c.${item}`)
    const [which, inIndex, sorted] = {
      largest: ['> 0', `c.${amount} desc, ${start}`, `s.${amount} desc, s.${item}`],
      first: ['= 1', start, `s.${item}`],
      last: ['= 1', `${start} desc`, `s.${item} desc`],
    }[order] as [string, string, string]
    const cells = `select c.${item}, c.${amount} from ${this.table} c
      where ${this.#ofTally(tally, key)} and c.${amount} ${which}`
    // The index has so many of them in order, and with them those that differ beyond its reach.
    const some = `select * from (${cells} order by ${inIndex} fetch first ${most} rows with ties) s
      order by ${sorted} limit ${most}`
    return `(select coalesce(json_agg(json_build_array(s.${item}, s.${amount}) order by ${sorted}), '[]')
      from (${most === undefined ? cells : some}) s)`
  }

  /**
   * One key that follows another, given as SQL, or the first one; each is found in the index, and
   * none of the cells between them is read.
   */
  keysAfter(cursor: readonly string[] | undefined, most: number): string {
    const names = this.#keys.map((_, at) => `k${at}`)
    const found = this.#keys.map((name, at) => `c.${name} as k${at}`).join(', ')
    const order = this.#keys.map((name) => `c.${name}`).join(', ')
    const one = (after: readonly string[] | undefined) =>
      `(select ${found} from ${this.table} c
        ${after ? `where (${order}) > (${after.join(', ')})` : ''} order by ${order} limit 1)`
    return `with recursive found as (
        ${one(cursor)}
        union all
        select n.* from found f cross join lateral ${one(names.map((name) => `f.${name}`))} n
      ) select ${names.join(', ')} from found limit ${most}`
  }

  #applyText(): string {
    const { tally, item, hash, amount } = this.#names
    const parts = this.#keys.map((_, at) => `k${at}`)
    const types = [...this.#keyTypes, 'text', 'text', 'bigint']
    const arrays = types.map((type, at) => `$${at + 1}::${type}[]`).join(', ')
    const columns = [...this.#keys, tally, item, hash, amount].join(', ')
    const order = [...parts, 'tally', startSql('item'), 'hash'].join(', ')
    // Every batch locks cells in one order, so none waits in a circle. The alias is that of `keyText`.
    return `with given as (
        select ${parts.map((part) => `${part}, `).join('')}tally collate "C", item collate "C",
          ${hashSql('item')} as hash, amount
        from unnest(${arrays}) as g (${parts.join(', ')}, tally, item, amount)
      ), touched as (
        insert into ${this.table} as e (${columns})
        select ${parts.join(', ')}, tally, item, hash, amount from given order by ${order}
        on conflict (${[...this.#keys, tally, startSql(item), hash].join(', ')})
          do update set ${amount} = e.${amount} + excluded.${amount}
        returning ${this.#entryText} as entry, e.${tally} as tally, e.${amount} as amount,
          e.ctid::text as place
      )
      select entry, tally, place, amount < 0 as below from touched where amount <= 0`
  }

  #amountsText(): string {
    const { tally, item, hash, amount } = this.#names
    const key = this.#keyTypes.map((type, at) => `$${3 + at}::${type}`)
    return `(select coalesce(json_agg(json_build_array(asked.item, s.amount)), '[]')
      from unnest($2::text[]) as asked (item) cross join lateral (
        select c.${amount} as amount from ${this.table} c
        where ${this.#ofKey(key)} and c.${tally} = $1
          and ${startSql(`c.${item}`)} = ${startSql('asked.item')}
          and c.${hash} = ${hashSql('asked.item')} and c.${amount} <> 0 limit 1) s)`
  }

  #lookText(keyLength: number): string {
    return `select ${this.#amountsText()} as amounts,
       (select coalesce(json_agg(c), '[]')
        from (select ${checkpointsSql} from millrace.checkpoints c where c.view = v.view) c
       ) as checkpoints
     from millrace.views v where v.view = $${3 + keyLength} and v.epoch = $${4 + keyLength}`
  }

  /** The key's parts are the values from `$first` on. */
  #itemsText(first: number, condition: string): string {
    const { tally, item, hash } = this.#names
    const key = this.#keyTypes.map((type, at) => `$${first + at}::${type}`)
    return `select c.${item} as item from ${this.table} c
      where ${this.#ofKey(key)} and c.${tally} = $1 ${condition}
      order by ${startSql(`c.${item}`)}, c.${hash} limit ${limits.scanPageKeys + 1}`
  }

  /** The parts of keys are the values from `$first` on. */
  #findText(first: number, condition: string): string {
    const arrays = this.#keyTypes.map((type, at) => `$${first + at}::${type}[]`).join(', ')
    const parts = this.#keys.map((_, at) => `k${at}`)
    const key = parts.map((part) => `asked.${part}`)
    return `select s.ctid::text as place
      from unnest(${arrays}) as asked (${parts.join(', ')}) cross join lateral (
        select c.ctid from ${this.table} c
        where ${this.#ofKey(key)} ${condition} limit ${sweptAtOnce}) s
      limit ${sweptAtOnce}`
  }

  /** They are locked in the order in which batches do. */
  #removeText(): string {
    const { tally, item, hash } = this.#names
    const order = [...this.#keys, tally].map((name) => `c.${name}`)
    return `delete from ${this.table} where ctid = any(array(
      select c.ctid from ${this.table} c where c.ctid = any($1::tid[])
      order by ${order.join(', ')}, ${startSql(`c.${item}`)}, c.${hash} for update))`
  }

  /** The alias is that of `keyText`. */
  #holdersText(): string {
    const arrays = this.#keyTypes.map((type, at) => `$${1 + at}::${type}[]`).join(', ')
    return `select ${this.#entryText} as entry
      from unnest(${arrays}) as e (${this.#keys.join(', ')})
      where exists (select from ${this.table} c
        where ${this.#ofKey(this.#keys.map((name) => `e.${name}`))})`
  }

  #ofKey(key: readonly string[]): string {
    return this.#keys.map((name, at) => `c.${name} = ${key[at]!}`).join(' and ')
  }

  #ofTally(stored: string, key: readonly string[]): string {
    const literal = `'${tallyName(stored).replaceAll("'", "''")}'`
    return `${this.#ofKey(key)} and c.${this.#names.tally} = ${literal}`
  }
}

/** SQL for what tells an item from others with the same beginning. */
function hashSql(item: string): string {
  return `case when char_length(${item}) > ${startLength} then sha256(convert_to(${item}, 'UTF8'))
    else ''::bytea end`
}

/** SQL for the part of an item that indexes hold. */
export function startSql(item: string): string {
  return `left(${item}, ${startLength})`
}
