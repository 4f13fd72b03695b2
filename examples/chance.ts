/** Numbers that look like chance and are the same for one seed: mulberry32. */
export class Chance {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** From 0 up to 1, without 1. */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let word = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61)
    return ((word ^ (word >>> 14)) >>> 0) / 0x1_0000_0000
  }

  /** From `least` to `most`, both among them. */
  integer(least: number, most: number): number {
    return least + Math.floor(this.fraction() * (most - least + 1))
  }

  happens(probability: number): boolean {
    return this.fraction() < probability
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.integer(0, items.length - 1)]!
  }

  /**
   * From 1 to `count`, low numbers far more often than high ones: the number n about `n ** -steepness`
   * times as often as 1, as listens fall over artists.
   */
  skewed(count: number, steepness = 1): number {
    const span = count + 1
    const drawn = this.fraction()
    const place =
      steepness === 1
        ? span ** drawn
        : ((span ** (1 - steepness) - 1) * drawn + 1) ** (1 / (1 - steepness))
    return Math.min(count, Math.floor(place))
  }

  /** An id that nothing else is likely to have. */
  id(): number {
    return 1_000_000_000 + Math.floor(this.fraction() * 2 ** 44)
  }
}
