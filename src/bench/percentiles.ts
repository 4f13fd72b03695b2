/** Durations in milliseconds, kept whole: a benchmark has few enough of them. */
export class Durations {
  readonly #values: number[] = []

  add(ms: number): void {
    this.#values.push(ms)
  }

  get count(): number {
    return this.#values.length
  }

  /** The smallest value that `rank` percent of all do not exceed. */
  at(rank: number): number {
    return percentile(Float64Array.from(this.#values).toSorted(), rank)
  }

  /** `min 0.9, p50 1.4, p95 4.9, p99 11.0, max 30.2 ms`. */
  summary(digits = 1): string {
    if (this.#values.length === 0) return 'nothing measured'
    const sorted = Float64Array.from(this.#values).toSorted()
    const shown = [50, 95, 99].map((rank) => `p${rank} ${percentile(sorted, rank).toFixed(digits)}`)
    return `min ${sorted[0]!.toFixed(digits)}, ${shown.join(', ')}, max ${sorted.at(-1)!.toFixed(digits)} ms`
  }
}

/** The smallest value that `rank` percent of all do not exceed. */
export function percentile(sorted: Float64Array, rank: number): number {
  const index = Math.ceil((rank / 100) * sorted.length) - 1
  return sorted[Math.max(0, index)] ?? NaN
}
