/**
 * The values of Kafka's protocol in its flexible versions: lengths are one more than they say, in
 * seven bits a byte, and every structure ends in tagged fields, of which we send none and skip all.
 */
export class WireReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  boolean(): boolean {
    return this.#take(1).readInt8() !== 0
  }

  int16(): number {
    return this.#take(2).readInt16BE()
  }

  int32(): number {
    return this.#take(4).readInt32BE()
  }

  int64(): bigint {
    return this.#take(8).readBigInt64BE()
  }

  /** As Kafka prints it: base64 for URLs, without padding. */
  uuid(): string {
    return this.#take(16).toString('base64url')
  }

  text(): string | null {
    return this.bytes()?.toString() ?? null
  }

  /** A view of the answer, not a copy. */
  bytes(): Buffer | null {
    const length = this.#uvarint() - 1
    return length < 0 ? null : this.#take(length)
  }

  /** Null counts as empty. */
  array<T>(item: () => T): T[] {
    return Array.from({ length: Math.max(0, this.#uvarint() - 1) }, item)
  }

  skipTags(): void {
    for (let tags = this.#uvarint(); tags > 0; tags -= 1) {
      this.#uvarint()
      this.#take(this.#uvarint())
    }
  }

  #take(length: number): Buffer {
    const end = this.#at + length
    if (end > this.#bytes.length) throw new RangeError('an answer of Kafka ends too early')
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }

  #uvarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#take(1)[0]!
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw new RangeError('a length in an answer of Kafka is too long')
  }
}

export const int8 = (value: number) => Buffer.from([value & 0xff])

export const boolean = (value: boolean) => int8(value ? 1 : 0)

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

export function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(value)
  return bytes
}

export const uuid = (name: string) => Buffer.from(name, 'base64url')

export function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([uvarint(bytes.length + 1), bytes])
}

export function array(items: readonly Buffer[]): Buffer {
  return Buffer.concat([uvarint(items.length + 1), ...items])
}

/** A structure: its fields, and no tagged fields. */
export function struct(...fields: readonly Buffer[]): Buffer {
  return Buffer.concat([...fields, int8(0)])
}

function uvarint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80)
  return Buffer.from([...bytes, rest])
}
