import type { ViewLayout } from '../../mutation.ts'
import { checkKeys } from '../checks.ts'
import type { KeepStep, Removal, ViewKeeping } from '../keeping.ts'
import { limits } from '../limits.ts'
import type { RedisConnection } from './connection.ts'
import type { ViewKeys } from './keys.ts'
import { orNone } from './texts.ts'

export class RedisKeeping implements ViewKeeping {
  readonly #connection: RedisConnection
  readonly #keys: ViewKeys
  /** What the keys of an entry begin with: those of its tallies. */
  readonly #prefixes: readonly string[]

  constructor(connection: RedisConnection, keys: ViewKeys, { tallies }: ViewLayout) {
    this.#connection = connection
    this.#keys = keys
    this.#prefixes = tallies.map(({ name }) => keys.tallyPrefix(name))
  }

  async raise({ epoch, before, after }: KeepStep): Promise<boolean> {
    const args = [epoch, orNone(before === undefined ? undefined : String(before)), String(after)]
    const [kind] = await this.#connection.run('raise-keep', [this.#keys.state], args)
    return kind === 'raised'
  }

  async remove({ epoch, bound, keys }: Removal): Promise<number | undefined> {
    checkKeys(keys, limits.lookKeysMax)
    const { state, tickets, rowTickets, entry: keyOf } = this.#keys
    const all = keys.flatMap((key) => [keyOf(key), ...this.#prefixes.map((prefix) => prefix + key)])
    const args = [epoch, String(bound), String(this.#prefixes.length)]
    const [kind, gone] = await this.#connection.run(
      'let-go',
      [state, tickets, rowTickets, ...all],
      args,
    )
    return kind === 'gone' ? Number(gone) : undefined
  }
}
