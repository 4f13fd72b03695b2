/** How often each kind of thing has really happened: what never did was not tested. */
export class Tally {
  readonly #counts = new Map<string, number>()

  add(kind: string, count = 1): void {
    if (count > 0) this.#counts.set(kind, this.of(kind) + count)
  }

  of(kind: string): number {
    return this.#counts.get(kind) ?? 0
  }

  addAll(other: Tally): void {
    for (const [kind, count] of other.#counts) this.add(kind, count)
  }

  missing(kinds: readonly string[]): readonly string[] {
    return kinds.filter((kind) => this.of(kind) === 0)
  }

  toString(): string {
    return [...this.#counts]
      .toSorted(([a], [b]) => a.localeCompare(b))
      .map(([kind, count]) => `${kind} ${count}`)
      .join(', ')
  }
}
