import type { KafkaOffset } from '../position.ts'

/**
 * The identities of the changes of one partition, from the window's beginning on: what a source
 * connector that crashed may emit again. The log is the memory; this is only what was read of it.
 */
export class IdentityWindow {
  /** Identity to the offset where it was first seen, in the order of the offsets. */
  readonly #seen = new Map<string, KafkaOffset>()

  /** True when `identity` was not seen in the window before; remembers it. */
  admit(identity: string, offset: KafkaOffset): boolean {
    if (this.#seen.has(identity)) return false
    this.#seen.set(identity, offset)
    return true
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
