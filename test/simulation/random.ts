/** Numbers that look drawn and are the same for the same seed, everywhere. */
export class Random {
  #a: number
  #b: number
  #c: number
  #count = 1

  constructor(seed: number) {
    this.#a = seed >>> 0
    this.#b = (seed / 2 ** 32) >>> 0
    this.#c = 0x9e3779b9
    for (let turn = 0; turn < 12; turn += 1) this.next()
  }

  /** From 0 up to, without, 1. */
  next(): number {
    const sum = (this.#a + this.#b + this.#count) | 0
    this.#count = (this.#count + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum
    return (sum >>> 0) / 2 ** 32
  }

  /** An integer from 0 up to, without, `below`. */
  below(below: number): number {
    return Math.floor(this.next() * below)
  }

  between(least: number, below: number): number {
    return least + this.next() * (below - least)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }

  /** Numbers of their own, so that what one part draws does not move what another one does. */
  fork(): Random {
    return new Random(this.below(2 ** 32) * 2 ** 20 + this.below(2 ** 20))
  }
}
