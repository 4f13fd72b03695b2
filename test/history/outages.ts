/** What was taken away from readers: the store, the API, or a complete view. */
export type Lost = 'store' | 'api' | 'view'

/** How a read ended that has no answer. */
export type Refusal = 'view-not-serving' | 'store-unavailable' | 'unreachable' | 'other'

type Outage = { readonly lost: Lost; readonly beganMs: number; endedMs: number | undefined }

/** Which of them explains a refusal. */
const explainedBy: Readonly<Record<Refusal, readonly Lost[]>> = {
  'view-not-serving': ['view'],
  'store-unavailable': ['store', 'api'],
  unreachable: ['api'],
  other: [],
}

/** Says which refused reads are as they should be: readers may lose the view only with the store. */
export class Outages {
  readonly #graceMs: number
  readonly #outages: Outage[] = []

  /** `graceMs` is how long clients take to find what is back. */
  constructor({ graceMs }: { readonly graceMs: number }) {
    this.#graceMs = graceMs
  }

  begin(lost: Lost, nowMs: number): { end(nowMs: number): void } {
    const outage: Outage = { lost, beganMs: nowMs, endedMs: undefined }
    this.#outages.push(outage)
    return { end: (endMs) => (outage.endedMs = endMs) }
  }

  /** An answer from a complete view ends its being built: from then on it has to be there. */
  served(beganMs: number, endedMs: number): void {
    for (const outage of this.#outages) {
      if (outage.lost === 'view' && outage.beganMs < beganMs) outage.endedMs ??= endedMs
    }
  }

  get viewIsLost(): boolean {
    return this.#outages.some(({ lost, endedMs }) => lost === 'view' && endedMs === undefined)
  }

  explains(
    refusal: Refusal,
    read: { readonly beganMs: number; readonly endedMs: number },
  ): boolean {
    return this.#outages.some(({ lost, beganMs, endedMs }) => {
      if (!explainedBy[refusal].includes(lost)) return false
      const grace = lost === 'view' ? 0 : this.#graceMs
      return beganMs <= read.endedMs && (endedMs ?? Infinity) + grace >= read.beganMs
    })
  }
}
