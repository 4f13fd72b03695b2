/** Numbers that look like chance and are the same for one seed: xoshiro128**, after Blackman. */
export class Random {
  readonly #state: Uint32Array

  constructor(seed: number) {
    let mixed = seed >>> 0
    this.#state = Uint32Array.from({ length: 4 }, () => {
      mixed = (mixed + 0x9e37_79b9) >>> 0
      let word = Math.imul(mixed ^ (mixed >>> 16), 0x21f0_aaad)
      word = Math.imul(word ^ (word >>> 15), 0x735a_2d97)
      return (word ^ (word >>> 15)) >>> 0
    })
  }

  /** 32 bits. */
  word(): number {
    const [a, b, c, d] = this.#state as unknown as [number, number, number, number]
    const result = Math.imul(rotated(Math.imul(b, 5), 7), 9) >>> 0
    const third = c ^ a
    const fourth = d ^ b
    this.#state.set([a ^ fourth, b ^ third, third ^ (b << 9), rotated(fourth, 11)])
    return result
  }

  /** From 0 up to 1, without 1. */
  fraction(): number {
    return this.word() / 0x1_0000_0000
  }

  /** From `least` to `most`, both among them. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.fraction() * (most - least + 1))
  }

  /** From 1 to 2^63 - 1. */
  bigId(): bigint {
    const bits = (BigInt(this.word()) << 31n) | BigInt(this.word() >>> 1)
    return bits === 0n ? 1n : bits
  }

  chance(probability: number): boolean {
    return this.fraction() < probability
  }

  pick<Item>(items: readonly Item[]): Item {
    if (items.length === 0) throw new Error('nothing to pick from')
    return items[this.integer(0, items.length - 1)]!
  }

  /** Letters and digits that compress badly. */
  text(characters: number): string {
    let text = ''
    while (text.length < characters) text += this.word().toString(36)
    return text.slice(0, characters)
  }
}

function rotated(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits))
}
