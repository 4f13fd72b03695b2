import type { Cells, NamedSlice, TallyItem, ViewLayout } from '../../mutation.ts'
import { typeError } from '../checks.ts'
import type { Reply } from './connection.ts'
import type { ViewKeys } from './keys.ts'
import { pushList } from './texts.ts'

type Told = {
  readonly name: string
  readonly prefix: string
  /** By which scripts name it: tallies follow the watched names of the hash. */
  readonly index: string
}

/** How an entry's tallies lie in their sorted sets. */
export class EntryTallies {
  /** What a read says of the slices that it asks for: how many, and of each its order and bound. */
  readonly sliceArgs: readonly string[]
  readonly #tallies: readonly Told[]
  readonly #byName: ReadonlyMap<string, Told>
  readonly #read: readonly (Pick<NamedSlice, 'name'> & Pick<Told, 'prefix'>)[]
  readonly #firstIndex: number

  /** Scripts count the `watched` names of the hash from 1. */
  constructor(layout: ViewLayout, keys: ViewKeys, watched: number) {
    this.#firstIndex = watched + 1
    this.#tallies = layout.tallies.map(({ name }, at) => ({
      name,
      prefix: keys.tallyPrefix(name),
      index: String(this.#firstIndex + at),
    }))
    this.#byName = new Map(this.#tallies.map((tally) => [tally.name, tally]))
    this.#read = layout.slices.map(({ name, tally }) => ({
      name,
      prefix: this.#byName.get(tally)!.prefix,
    }))
    const asked = layout.slices.flatMap(({ order, most }) => [order, String(most ?? -1)])
    this.sliceArgs = [String(this.#read.length), ...asked]
  }

  get count(): number {
    return this.#tallies.length
  }

  nameAt(index: number): string | undefined {
    return this.#tallies[index - this.#firstIndex]?.name
  }

  /** Appends the keys of all tallies of an entry. */
  pushKeys(keys: string[], entry: string): void {
    for (const { prefix } of this.#tallies) keys.push(prefix + entry)
  }

  /** Appends of each slice the key of its tally. */
  pushReadKeys(keys: string[], entry: string): void {
    for (const { prefix } of this.#read) keys.push(prefix + entry)
  }

  /** The number by which a read names a slice. */
  sliceNumber(slice: string): number {
    return this.#read.findIndex(({ name }) => name === slice) + 1
  }

  /** With what the keys of their tallies begin. */
  get readPrefixes(): readonly string[] {
    return this.#read.map(({ prefix }) => prefix)
  }

  /** Appends keys and arguments as `include/mutations.lua` reads them behind a mutation. */
  pushCells(
    { keys, args }: { readonly keys: string[]; readonly args: string[] },
    entry: string,
    cells: Cells | undefined,
  ): void {
    if (cells === undefined) return
    for (const [name, items] of cells) {
      const { prefix, index } = this.#byName.get(name)!
      keys.push(prefix + entry)
      args.push('cells', index)
      pushList(args, [...items.keys()])
      for (const amount of items.values()) args.push(amount.toString())
    }
  }

  /** From what a read answers of each slice; undefined where the layout has none. */
  parse(
    entry: string,
    found: readonly Reply[],
  ): Readonly<Record<string, readonly TallyItem[]>> | undefined {
    if (this.#read.length === 0) return undefined
    return Object.fromEntries(
      this.#read.map(({ name, prefix }, at) => {
        const flat = found[at] as readonly string[]
        const items: TallyItem[] = []
        for (let next = 0; next < flat.length; next += 2) {
          const amount = amountOf(flat[next + 1]!)
          if (amount === undefined) throw amountError(prefix + entry, entry)
          items.push({ item: flat[next]!, amount })
        }
        return [name, items]
      }),
    )
  }
}

/** Undefined for a score that is no amount's: Redis spells large ones in more than one way. */
function amountOf(score: string): bigint | undefined {
  const amount = -Number(score)
  return Number.isSafeInteger(amount) ? BigInt(amount) : undefined
}

function amountError(key: string, entry: string) {
  return typeError(key, 'an amount is no integer of 53 bits', { entry })
}
