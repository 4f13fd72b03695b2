import type { TableName } from './components.ts'

/**
 * A change of the source that its log does not tell: TRUNCATE, a rewritten table, a table that is
 * out of the publication, a replica identity that gives too little. Until Millrace has noticed it,
 * entries may be wrong without a doubt; from then on they are flagged until they are right.
 */
export type BlindFault = {
  readonly kind: string
  /** Whose contributions may be wrong. */
  readonly tables: readonly TableName[]
  /** The doubts that it may raise. */
  readonly codes: readonly string[]
  /** Where the log of the source stood before it. */
  readonly from: bigint
  readonly beganMs: number
}

export type Excuse = 'doubted' | 'unnoticed'

type Open = BlindFault & {
  /** Where the log stood when all was put right again. */
  to: bigint | undefined
  /** When a reader saw for the first time one of its doubts. */
  doubtedMs: number | undefined
  /** When a reader saw for the first time a watermark beyond `to`. */
  passedMs: number | undefined
  /** When all that it made wrong was right again, or was never wrong. */
  closedMs: number | undefined
}

type Seen = {
  readonly watermark: bigint
  readonly doubts: readonly string[]
  readonly beganMs: number
  readonly endedMs: number
}

/** Says which deviations are no violations: those under a doubt, and those not noticed yet. */
export class Excuses {
  readonly #noticeMs: number
  readonly #faults: Open[] = []

  /** `noticeMs` is how long a watermark beyond a blind fault may show no doubt. */
  constructor({ noticeMs }: { readonly noticeMs: number }) {
    this.#noticeMs = noticeMs
  }

  /** To be called before the fault is done to the source. */
  begin(fault: BlindFault): { end(to: bigint): void } {
    const open: Open = {
      ...fault,
      to: undefined,
      doubtedMs: undefined,
      passedMs: undefined,
      closedMs: undefined,
    }
    this.#faults.push(open)
    return { end: (to) => (open.to = to) }
  }

  /** True while one of them may still make something wrong. */
  get open(): boolean {
    return this.#faults.some(({ closedMs }) => closedMs === undefined)
  }

  /** How many raised a doubt of their own, and how many there were. */
  get noticed(): { readonly doubted: number; readonly all: number } {
    const doubted = this.#faults.filter(({ doubtedMs }) => doubtedMs !== undefined).length
    return { doubted, all: this.#faults.length }
  }

  /** True when a blind fault may have made entries wrong at some time from `fromMs` to `toMs`. */
  covers(fromMs: number, toMs = fromMs): boolean {
    return this.#faults.some(
      ({ beganMs, closedMs = Infinity }) => beganMs <= toMs && closedMs >= fromMs,
    )
  }

  /** Every read tells how far the faults are noticed and cured. */
  read({ watermark, doubts, beganMs, endedMs }: Seen): void {
    for (const fault of this.#faults) {
      if (fault.closedMs !== undefined || beganMs < fault.beganMs) continue
      const raised = doubts.some((code) => fault.codes.includes(code))
      if (raised) fault.doubtedMs ??= endedMs
      if (fault.to === undefined || watermark <= fault.to) continue
      fault.passedMs ??= endedMs
      const noticed = beganMs > (fault.doubtedMs ?? Infinity)
      const quiet = beganMs > fault.passedMs + this.#noticeMs
      if (doubts.length === 0 && (noticed || quiet)) fault.closedMs = beganMs
    }
  }

  /** A doubt alone excuses nothing: something must have been done that it is about. */
  of(read: Seen, table: TableName): Excuse | undefined {
    const open = this.#faults.some(
      ({ tables, beganMs, closedMs = Infinity }) =>
        tables.includes(table) && beganMs <= read.endedMs && closedMs > read.beganMs,
    )
    if (!open) return undefined
    return read.doubts.length > 0 ? 'doubted' : 'unnoticed'
  }
}
