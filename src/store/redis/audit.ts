import { isUtf8 } from 'node:buffer'
import type { ViewLayout } from '../../mutation.ts'
import type {
  CorrectionResult,
  CorrectionStep,
  LookAnswer,
  LookQuestion,
  ProgressStep,
  ScanPage,
  ViewAudit,
} from '../audit.ts'
import { checkCorrections, checkKeys, overflowError } from '../checks.ts'
import { spell } from '../codec.ts'
import { unreadable } from '../entry-text.ts'
import { limits } from '../limits.ts'
import type { Epoch } from '../state.ts'
import type { RedisConnection } from './connection.ts'
import { EntryHash } from './entry-hash.ts'
import { EntryTallies } from './entry-tallies.ts'
import { completeField, type ViewKeys } from './keys.ts'
import { scanEntries } from './scan.ts'
import { orNone, parseCheckpoints, pushList } from './texts.ts'

export class RedisAudit implements ViewAudit {
  readonly #connection: RedisConnection
  readonly #keys: ViewKeys
  readonly #layout: ViewLayout
  readonly #hash: EntryHash
  readonly #tallies: EntryTallies
  readonly #endsSound: RegExp

  constructor(connection: RedisConnection, keys: ViewKeys, layout: ViewLayout) {
    this.#connection = connection
    this.#keys = keys
    this.#layout = layout
    this.#hash = new EntryHash(layout)
    this.#tallies = new EntryTallies(layout, keys, this.#hash.watched.length)
    this.#endsSound = new RegExp(`^(?:;(?:-|0|-?[1-9]\\d{0,18})){${layout.counts.length}}$`)
  }

  async look({ epoch, keys, ticket }: LookQuestion): Promise<LookAnswer> {
    checkKeys(keys, limits.lookKeysMax)
    const { state, checkpoints, tickets, rowTickets, entry: keyOf } = this.#keys
    const all: string[] = [state, checkpoints, tickets, rowTickets]
    for (const key of keys) {
      all.push(keyOf(key))
      this.#tallies.pushKeys(all, key)
    }
    const { cells, looked } = this.#hash
    const bounds = [limits.ticketTtlMs, limits.ticketsMax].map(String)
    const shape = `${cells} ${this.#tallies.count} ${limits.cellsMax}`
    const args = [epoch, ticket ?? '', ...bounds, shape, ...looked]
    const [kind, found, texts, tails, bound] = await this.#connection.runForBytes('look', all, args)
    if (String(kind) === 'conflict') return { kind: 'conflict' }
    return {
      kind: 'entries',
      texts: (texts as readonly Buffer[]).map((bytes, index) =>
        this.#text(bytes, (tails as readonly Buffer[])[index]),
      ),
      checkpoints: parseCheckpoints((found as readonly Buffer[]).map(String), checkpoints),
      keepFrom: String(bound) === '' ? undefined : Number(String(bound)),
    }
  }

  async correct(step: CorrectionStep): Promise<CorrectionResult> {
    checkCorrections(step, this.#layout)
    const { epoch, ticket, corrections } = step
    const { state, tickets, rowTickets, entry: keyOf } = this.#keys
    const keys: string[] = [state, tickets, rowTickets]
    const args: string[] = [epoch, ticket]
    pushList(args, this.#hash.watched)
    for (const correction of corrections) {
      keys.push(keyOf(correction.entry))
      this.#hash.pushMutation(args, correction)
      this.#tallies.pushCells({ keys, args }, correction.entry, correction.cells)
    }
    const [kind, ...rest] = await this.#connection.run('correct', keys, args)
    if (kind === 'overflow') {
      const [index, at] = rest.map(Number)
      const name = this.#hash.counterAt(at!) ?? this.#tallies.nameAt(at!)
      throw overflowError(corrections[index!]!.entry, name)
    }
    return kind === 'conflict' ? { kind } : { kind: 'applied', lost: rest.map(Number) }
  }

  scan(cursor: string | undefined): Promise<ScanPage> {
    return scanEntries(this.#connection, this.#keys, cursor)
  }

  async sweep(epoch: Epoch, keys: readonly string[], fields: readonly string[]): Promise<boolean> {
    const args: string[] = [epoch]
    pushList(args, this.#hash.watched)
    pushList(
      args,
      fields.map((field) => spell(field, '-')),
    )
    const { state, entry: keyOf, tallyPrefix } = this.#keys
    const prefixes = fields.map(tallyPrefix)
    // Without any key the epoch is compared all the same.
    for (let at = 0; at === 0 || at < keys.length; at += limits.lookKeysMax) {
      const page = keys
        .slice(at, at + limits.lookKeysMax)
        .flatMap((key) => [keyOf(key), ...prefixes.map((prefix) => prefix + key)])
      const [kind] = await this.#connection.run('sweep', [state, ...page], args)
      if (kind === 'conflict') return false
    }
    return true
  }

  async progress({ epoch, before, after, ended, completed }: ProgressStep): Promise<boolean> {
    const args: string[] = [epoch, orNone(before), after]
    pushList(args, ended)
    pushList(args, completed.map(completeField))
    const { state, doubts } = this.#keys
    const [kind] = await this.#connection.run('progress', [state, doubts], args)
    return kind === 'moved'
  }

  #text(bytes: Buffer, tail: Buffer | undefined): string {
    const text = this.#sound(textOf(bytes))
    if (tail === undefined || text === unreadable) return text
    const tallies = tail.toString()
    return tallies === unreadable || !isUtf8(tail) ? unreadable : `${text}${tallies}`
  }

  /** A counter stands in the text as it is: what is no integer as Redis counts is not readable. */
  #sound(text: string): string {
    let at = text.length
    for (let count = this.#layout.counts.length; count > 0; count--) {
      at = text.lastIndexOf(';', at - 1)
    }
    return this.#endsSound.test(text.slice(at)) ? text : unreadable
  }
}

const replacement = '\uFFFD'
const dash = 0x2d
const semicolon = 0x3b

/** The text of an entry. Where people wrote bytes that are no text, lengths are those of the text. */
function textOf(bytes: Buffer): string {
  const text = bytes.toString('utf8')
  if (!text.includes(replacement) || !text.startsWith('+')) return text
  const cells: string[] = []
  let at = 1
  while (at < bytes.length && bytes[at] !== semicolon) {
    if (bytes[at] === dash) {
      cells.push('-')
      at += 1
    } else {
      const colon = bytes.indexOf(':', at)
      const end = colon + 1 + Number(bytes.toString('latin1', at, colon))
      const cell = bytes.toString('utf8', colon + 1, end)
      cells.push(`${Buffer.byteLength(cell)}:${cell}`)
      at = end
    }
  }
  return `+${cells.join('')}${bytes.toString('utf8', at)}`
}
