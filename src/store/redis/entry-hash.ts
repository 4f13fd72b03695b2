import { splitKey } from '../../entry-key.ts'
import type { Entry, Mutation, ViewLayout } from '../../mutation.ts'
import { typeError } from '../checks.ts'
import { spell } from '../codec.ts'
import type { Reply } from './connection.ts'

/** How an entry lies in its hash: kebab-case fields, those of the key while the owning row exists. */
export class EntryHash {
  /** The first part of the owning row's key, then every counter: what a write must look at. */
  readonly watched: readonly string[]
  /** `watched`, then the owning row's other fields: what a reader needs. */
  readonly read: readonly string[]
  /** The owning row's key and its other fields, then every counter: what a look needs. */
  readonly looked: readonly string[]
  /** How many of `looked` are the row's. */
  readonly cells: number
  readonly counters: readonly string[]
  readonly #layout: ViewLayout
  readonly #keys: readonly string[]
  readonly #fields: readonly (readonly [name: string, spelled: string])[]
  readonly #indexes: ReadonlyMap<string, string>

  constructor(layout: ViewLayout) {
    const keys = layout.key.map(({ name }) => spell(name, '-'))
    this.#layout = layout
    this.#fields = layout.fields.map((field) => [field.name, spell(field.name, '-')])
    this.counters = layout.counts.map((count) => spell(count, '-'))
    const fields = this.#fields.map(([, spelled]) => spelled)
    this.#keys = keys
    this.watched = [keys[0]!, ...this.counters]
    this.read = [...this.watched, ...fields]
    this.looked = [...keys, ...fields, ...this.counters]
    this.cells = keys.length + fields.length
    // Scripts count the watched names from 1, and the owning row's key is the first.
    this.#indexes = new Map(layout.counts.map((count, index) => [count, String(index + 2)]))
  }

  /** The counter that a script means by its index among the watched names; undefined behind them. */
  counterAt(index: number): string | undefined {
    return this.#layout.counts[index - 2]
  }

  /** Appends a mutation as `include/mutations.lua` reads it. */
  pushMutation(args: string[], { entry, put, add }: Mutation): void {
    if (put === undefined) args.push('leave')
    else if (put === null) args.push('remove')
    else this.#pushPut(args, entry, put)
    const at = args.push('0') - 1
    let length = 0
    for (const count in add) {
      args.push(this.#indexes.get(count)!, add[count]!.toString())
      length += 2
    }
    args[at] = String(length)
  }

  /** From the values of `read`; null where readers get nothing. `where` is the key of the hash. */
  parse(key: string, values: readonly Reply[], where: string): Entry | null {
    const { presence } = this.#layout
    if (presence.length === 0 && values[0] === null) return null
    const counts: Record<string, bigint> = {}
    this.#layout.counts.forEach((count, index) => {
      const text = values[index + 1]
      if (text !== null && !/^-?\d{1,19}$/.test(String(text))) {
        throw typeError(where, `${spell(count, '-')} is no 64-bit integer`, { entry: key })
      }
      counts[count] = BigInt((text as string | null) ?? 0)
    })
    if (presence.length > 0 && !presence.some((count) => counts[count]! > 0n)) return null
    const fields: Record<string, string | null> = {}
    const from = this.watched.length
    this.#fields.forEach(([name], index) => {
      fields[name] = values[from + index] as string | null
    })
    return { key, fields, counts }
  }

  #pushPut(args: string[], entry: string, put: Entry['fields']): void {
    const parts = splitKey(entry, this.#keys.length)
    if (!parts) throw new Error(`${JSON.stringify(entry)} is no key of ${this.#layout.name}`)
    const set = this.#keys.flatMap((name, at) => [name, parts[at]!])
    const gone: string[] = []
    for (const [name, spelled] of this.#fields) {
      const value = put[name] ?? null
      if (value === null) gone.push(spelled)
      else set.push(spelled, value)
    }
    args.push('put', String(set.length), ...set, String(gone.length), ...gone)
  }
}
