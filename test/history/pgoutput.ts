/** A row as the log has it: a text for each column, null, or undefined where it is left out. */
export type Tuple = readonly (string | null | undefined)[]

/** One message of the output plug-in `pgoutput`, protocol version 1. */
export type LogMessage =
  | { readonly kind: 'begin' }
  /** `lsn` is where the record of the commit begins. */
  | { readonly kind: 'commit'; readonly lsn: bigint }
  | {
      readonly kind: 'relation'
      readonly id: number
      readonly table: string
      readonly columns: readonly string[]
    }
  | { readonly kind: 'insert'; readonly relation: number; readonly row: Tuple }
  | {
      readonly kind: 'update'
      readonly relation: number
      readonly before: Tuple | undefined
      readonly row: Tuple
    }
  | { readonly kind: 'delete'; readonly relation: number; readonly before: Tuple }
  | { readonly kind: 'truncate'; readonly relations: readonly number[] }
  | { readonly kind: 'message'; readonly prefix: string; readonly content: string }
  | { readonly kind: 'other' }

/** Throws on a form that protocol version 1 does not have. */
export function parsePgoutput(bytes: Buffer): LogMessage {
  const from = new Cursor(bytes)
  const kind = from.letter()
  switch (kind) {
    case 'B':
      return { kind: 'begin' }
    case 'C':
      from.byte()
      return { kind: 'commit', lsn: from.int64() }
    case 'R':
      return relationOf(from)
    case 'I':
      return { kind: 'insert', relation: from.int32(), row: from.marked('N').tuple }
    case 'U': {
      const relation = from.int32()
      const first = from.marked('KON')
      if (first.mark === 'N')
        return { kind: 'update', relation, before: undefined, row: first.tuple }
      return { kind: 'update', relation, before: first.tuple, row: from.marked('N').tuple }
    }
    case 'D':
      return { kind: 'delete', relation: from.int32(), before: from.marked('KO').tuple }
    case 'T': {
      const count = from.int32()
      from.byte()
      return { kind: 'truncate', relations: Array.from({ length: count }, () => from.int32()) }
    }
    case 'M':
      from.byte()
      from.int64()
      return { kind: 'message', prefix: from.text(), content: from.sized() }
    case 'Y':
    case 'O':
      return { kind: 'other' }
    default:
      throw new Error(`pgoutput has no message '${kind}'`)
  }
}

function relationOf(from: Cursor): LogMessage {
  const id = from.int32()
  from.text()
  const table = from.text()
  from.byte()
  const columns = Array.from({ length: from.int16() }, () => {
    from.byte()
    const name = from.text()
    from.int64()
    return name
  })
  return { kind: 'relation', id, table, columns }
}

class Cursor {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  byte(): number {
    return this.#bytes.readUInt8(this.#at++)
  }

  letter(): string {
    return String.fromCharCode(this.byte())
  }

  int16(): number {
    this.#at += 2
    return this.#bytes.readInt16BE(this.#at - 2)
  }

  int32(): number {
    this.#at += 4
    return this.#bytes.readInt32BE(this.#at - 4)
  }

  int64(): bigint {
    this.#at += 8
    return this.#bytes.readBigInt64BE(this.#at - 8)
  }

  /** Up to a zero. */
  text(): string {
    const end = this.#bytes.indexOf(0, this.#at)
    const text = this.#bytes.toString('utf8', this.#at, end)
    this.#at = end + 1
    return text
  }

  /** After its length. */
  sized(): string {
    const length = this.int32()
    this.#at += length
    return this.#bytes.toString('utf8', this.#at - length, this.#at)
  }

  marked(allowed: string): { readonly mark: string; readonly tuple: Tuple } {
    const mark = this.letter()
    if (!allowed.includes(mark)) throw new Error(`'${mark}' stands where one of ${allowed} should`)
    return { mark, tuple: Array.from({ length: this.int16() }, () => this.#cell()) }
  }

  #cell(): string | null | undefined {
    const kind = this.letter()
    if (kind === 'n') return null
    return kind === 'u' ? undefined : this.sized()
  }
}
