/** Keys that a lap has compared by now, as far as they fit: so that it compares none of them again. */
export type Known = { readonly has: (key: string) => boolean }

/** Some tens of megabytes, while the lap goes on. */
const keysMaxUsual = 500_000

/**
 * Those of the lap that this process is at. A lap that goes on from anything but what this process
 * wrote down last, because somebody else went on with it or the store went back, has compared what it
 * says and nothing more, so all of them are forgotten.
 */
export class ComparedKeys implements Known {
  readonly #keys = new Set<string>()
  readonly #keysMax: number
  #lap: number | undefined
  #written: string | undefined

  /** Of more than `keysMax` keys the rest is not known. */
  constructor(keysMax = keysMaxUsual) {
    this.#keysMax = keysMax
  }

  /** A turn begins with this lap, of which `text` lies in the store. */
  begin(lap: number, text: string | undefined): void {
    if (text !== this.#written) this.#keys.clear()
    this.written(lap, text)
  }

  written(lap: number, text: string | undefined): void {
    if (lap !== this.#lap) this.#keys.clear()
    this.#lap = lap
    this.#written = text
  }

  /** What does not fit is compared again. */
  add(keys: readonly string[]): void {
    for (const key of keys) {
      if (this.#keys.size >= this.#keysMax) return
      this.#keys.add(key)
    }
  }

  has(key: string): boolean {
    return this.#keys.has(key)
  }
}
