import type { Entry, Mutation, ViewLayout } from '../../mutation.ts'
import { typeError } from '../checks.ts'
import { spell } from '../codec.ts'
import type { StoredEntry } from '../store.ts'
import type { Reply } from './connection.ts'

/** How a view lies in Redis: the names of its keys, and an entry's hash. */
export class RedisLayout {
  /** `user-information:`; of a later generation it would be `user-information@2:`. */
  readonly entryPrefix: string
  readonly state: string
  readonly checkpoints: string
  readonly parked: string
  readonly problems: string
  readonly barrier: string
  readonly lease: string
  /** The owning row's key, then every counter: what a write must look at. */
  readonly watched: readonly string[]
  /** `watched`, then the owning row's other fields: what a reader needs. */
  readonly all: readonly string[]
  readonly #layout: ViewLayout
  readonly #name: string
  readonly #fields: readonly (readonly [name: string, spelled: string])[]
  readonly #counters: ReadonlyMap<string, string>

  constructor(layout: ViewLayout) {
    const name = layout.name
    this.#layout = layout
    this.#name = name
    this.entryPrefix = `${name}:`
    this.state = `millrace:${name}`
    this.checkpoints = `millrace:${name}:checkpoints`
    this.parked = `millrace:${name}:parked`
    this.problems = `millrace:${name}:problems`
    this.barrier = `millrace:${name}:barrier`
    this.lease = `millrace:${name}:lease`
    this.#fields = layout.fields.map((field) => [field.name, spell(field.name, '-')])
    const counts = layout.counts.map((count) => spell(count, '-'))
    this.watched = [spell(layout.key.name, '-'), ...counts]
    this.all = [...this.watched, ...this.#fields.map(([, spelled]) => spelled)]
    // The script counts the watched names from 1, and the owning row's key is the first.
    this.#counters = new Map(layout.counts.map((count, index) => [count, String(index + 2)]))
  }

  entry(key: string): string {
    return this.entryPrefix + key
  }

  /** SCAN pattern of the entries of this generation. */
  get entryPattern(): string {
    return `${escapeGlob(this.entryPrefix)}*`
  }

  /** SCAN pattern of every generation's entries, and of a little more: see `isEntry`. */
  get everyEntryPattern(): string {
    return `${escapeGlob(this.#name)}[:@]*`
  }

  /** Whether a key is an entry of any generation of this view. */
  isEntry(key: string): boolean {
    return /^(?:@\d+)?:/.test(key.slice(this.#name.length)) && key.startsWith(this.#name)
  }

  /** Appends a mutation as `commit.lua` reads it. */
  pushMutation(args: string[], { entry, put, add }: Mutation): void {
    if (put === undefined) args.push('leave')
    else if (put === null) this.#pushRemove(args)
    else this.#pushPut(args, entry, put)
    const at = args.push('0') - 1
    let length = 0
    for (const count in add) {
      args.push(this.#counters.get(count)!, add[count]!.toString())
      length += 2
    }
    args[at] = String(length)
  }

  counterAt(index: number): string {
    return this.#layout.counts[index - 2]!
  }

  /** From the values of `all`; undefined when there is nothing. */
  parse(key: string, values: readonly Reply[]): StoredEntry | undefined {
    if (values.every((value) => value === null)) return undefined
    const counts: Record<string, bigint> = {}
    this.#layout.counts.forEach((count, index) => {
      counts[count] = this.#count(key, count, values[index + 1] as string | null)
    })
    if (values[0] === null) return { key, fields: null, counts }
    const fields: Record<string, string | null> = {}
    const from = this.watched.length
    this.#fields.forEach(([name], index) => {
      fields[name] = values[from + index] as string | null
    })
    return { key, fields, counts }
  }

  #count(key: string, count: string, text: string | null): bigint {
    if (text === null) return 0n
    if (!/^-?\d{1,19}$/.test(text)) {
      throw typeError(this.entry(key), `${spell(count, '-')} is no 64-bit integer`)
    }
    return BigInt(text)
  }

  #pushRemove(args: string[]): void {
    args.push('remove', '0', String(this.#fields.length + 1), this.watched[0]!)
    for (const [, spelled] of this.#fields) args.push(spelled)
  }

  #pushPut(args: string[], entry: string, put: Entry['fields']): void {
    const set: string[] = [this.watched[0]!, entry]
    const gone: string[] = []
    for (const [name, spelled] of this.#fields) {
      const value = put[name] ?? null
      if (value === null) gone.push(spelled)
      else set.push(spelled, value)
    }
    args.push('put', String(set.length), ...set, String(gone.length), ...gone)
  }
}

function escapeGlob(text: string): string {
  return text.replaceAll(/[\\*?[\]]/g, '\\$&')
}
