import type { Checker, Read } from './checker.ts'
import type { SourceHistory } from './source-history.ts'

type Pending = { readonly read: Read; readonly tell: ((isExact: boolean) => void) | undefined }

/** Reads wait here until everything is known that was committed before they ended. */
export class Judging {
  readonly #checker: Checker
  readonly #history: SourceHistory
  #pending: Pending[] = []

  constructor(checker: Checker, history: SourceHistory) {
    this.#checker = checker
    this.#history = history
  }

  get waiting(): number {
    return this.#pending.length
  }

  take(read: Read): void {
    this.#pending.push({ read, tell: undefined })
  }

  /** Only tells whether it is right in a moment that allows but one answer. */
  probe(read: Read, tell: (isExact: boolean) => void): void {
    this.#pending.push({ read, tell })
  }

  /** Rejects while the source is away; what waits then waits on. */
  async catchUp(): Promise<void> {
    const ended = this.#pending.length
    const ceiling = await this.#history.catchUp()
    const reads = this.#pending.slice(0, ended)
    this.#pending = this.#pending.slice(ended)
    for (const { read, tell } of reads) {
      if (tell) tell(this.#checker.isExact(read, ceiling))
      else this.#checker.judge(read, ceiling)
    }
  }
}
