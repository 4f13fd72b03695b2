import { isUtf8 } from 'node:buffer'
import type { ViewLayout } from '../../mutation.ts'
import type { ScanPage } from '../audit.ts'
import { checkKeys, typeError } from '../checks.ts'
import { limits } from '../limits.ts'
import type { ItemsAnswer, ItemsQuestion, ViewTallies } from '../tallies.ts'
import type { ByteReply, RedisConnection, Reply } from './connection.ts'
import type { ViewKeys } from './keys.ts'
import { scanLost } from './scan.ts'
import { parseCheckpoints } from './texts.ts'

export class RedisTallies implements ViewTallies {
  readonly #connection: RedisConnection
  readonly #keys: ViewKeys
  readonly #prefixes: ReadonlyMap<string, string>

  constructor(connection: RedisConnection, keys: ViewKeys, layout: ViewLayout) {
    this.#connection = connection
    this.#keys = keys
    this.#prefixes = new Map(layout.tallies.map(({ name }) => [name, keys.tallyPrefix(name)]))
  }

  async look({ epoch, entry, tally, items, ticket }: ItemsQuestion): Promise<ItemsAnswer> {
    checkKeys(items, limits.cellsMax)
    const { state, checkpoints, tickets, entry: keyOf } = this.#keys
    const keys = [state, checkpoints, tickets, this.#keyOf(entry, tally), keyOf(entry)]
    const bounds = [limits.ticketTtlMs, limits.ticketsMax].map(String)
    const args = [epoch, ticket ?? '', ...bounds, ...items]
    const [kind, moment, found] = await this.#connection.run('look-items', keys, args)
    if (kind === 'conflict' || kind === 'unreadable') return { kind }
    const amounts = new Map<string, bigint>()
    ;(found as readonly Reply[]).forEach((amount, index) => {
      if (amount !== null) amounts.set(items[index]!, BigInt(amount as string))
    })
    return { kind: 'items', amounts, checkpoints: parseCheckpoints(moment!, checkpoints) }
  }

  /** A cursor is `<run id> <cursor of ZSCAN>`. */
  async scan(entry: string, tally: string, cursor: string | undefined): Promise<ScanPage> {
    const [run, at] = cursor?.split(' ') ?? ['', '0']
    const key = this.#keyOf(entry, tally)
    const args = [run!, at!, String(limits.scanPageKeys)]
    const reply = await this.#connection.runForBytes('scan-items', [key], args)
    const [kind, process, next, found] = reply
    if (String(kind) === 'lost') throw scanLost()
    const items = (found as readonly ByteReply[]).filter((_, index) => index % 2 === 0) as Buffer[]
    if (!items.every((bytes) => isUtf8(bytes)))
      throw typeError(key, 'an item is no text', { entry })
    return {
      keys: items.map(String),
      cursor: String(next) === '0' ? undefined : `${String(process)} ${String(next)}`,
    }
  }

  #keyOf(entry: string, tally: string): string {
    const prefix = this.#prefixes.get(tally)
    if (prefix === undefined) throw new Error(`the layout has no tally ${tally}`)
    return prefix + entry
  }
}
