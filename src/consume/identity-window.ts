import { MillraceError } from '../errors.ts'
import type { KafkaOffset } from '../position.ts'

/**
 * The identities of the changes of one partition, from the window's beginning on: what a source
 * connector that crashed may emit again. The log is the memory; this is only what was read of it.
 * An identity takes about 120 bytes.
 */
export class IdentityWindow {
  /** Identity to the offset where it was first seen, in the order of the offsets. */
  readonly #seen = new Map<string, KafkaOffset>()
  readonly #identitiesMax: number

  constructor(identitiesMax: number) {
    this.#identitiesMax = identitiesMax
  }

  /**
   * True when `identity` was not seen in the window before; remembers it. Throws
   * `window-full` when there are more than fit.
   */
  admit(identity: string, offset: KafkaOffset): boolean {
    if (this.#seen.has(identity)) return false
    this.#seen.set(identity, offset)
    if (this.#seen.size <= this.#identitiesMax) return true
    throw new MillraceError(
      'window-full',
      `${this.#seen.size} changes have come since a barrier was passed, more than are remembered: ` +
        'which of them come twice can no longer be told',
      { hint: 'Look why no barrier is passed: Connect is behind or away, or the source is.' },
    )
  }

  /** Forgets what was first seen below `from`. */
  moveTo(from: KafkaOffset): void {
    for (const [identity, offset] of this.#seen) {
      if (offset >= from) return
      this.#seen.delete(identity)
    }
  }

  get size(): number {
    return this.#seen.size
  }
}
