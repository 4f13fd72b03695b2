import { MillraceError, type ErrorCode } from '../../src/errors.ts'
import type { Random } from './random.ts'

/** What becomes of one call: `ms` is what it takes longer, or how late it is served. */
export type Fate =
  | { readonly kind: 'well'; readonly ms: number }
  /** The caller gets no answer; the request has been served or has been lost. */
  | { readonly kind: 'lost'; readonly served: boolean }
  /** The caller gives up, and the request is served after that. */
  | { readonly kind: 'late'; readonly ms: number }

/** A server that processes ask, with the trouble that it makes. */
export class Service {
  readonly name: string
  readonly timeoutMs: number
  /** How often a call goes wrong, 0 to 1. */
  trouble = 0
  down = false
  readonly #code: ErrorCode
  readonly #random: Random
  readonly #count: (kind: string) => void

  constructor(
    name: string,
    code: ErrorCode,
    { random, count }: { readonly random: Random; readonly count: (kind: string) => void },
  ) {
    this.name = name
    this.#code = code
    this.#random = random
    this.#count = count
    this.timeoutMs = 1_000
  }

  /** It is down, and somebody has asked it. */
  refusal(): MillraceError {
    this.#count(`${this.name} was away`)
    return this.away()
  }

  away(): MillraceError {
    return new MillraceError(this.#code, `${this.name} is away, says the simulation`)
  }

  fate(): Fate {
    if (this.trouble === 0 || !this.#random.chance(this.trouble)) return well
    const draw = this.#random.below(6)
    if (draw === 0) return this.#counted('request lost', { kind: 'lost', served: false })
    if (draw <= 2) return this.#counted('reply lost', { kind: 'lost', served: true })
    if (draw === 3) {
      const ms = this.timeoutMs + this.#random.between(0, 3_000)
      return this.#counted('request served after its caller gave up', { kind: 'late', ms })
    }
    return { kind: 'well', ms: this.#random.between(0, 800) }
  }

  #counted(kind: string, fate: Fate): Fate {
    this.#count(`${this.name}: ${kind}`)
    return fate
  }
}

const well: Fate = { kind: 'well', ms: 0 }
