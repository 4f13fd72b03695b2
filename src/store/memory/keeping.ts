import { checkKeys } from '../checks.ts'
import type { KeepStep, Removal, ViewKeeping } from '../keeping.ts'
import { limits } from '../limits.ts'
import type { MemoryData } from './data.ts'

export class MemoryKeeping implements ViewKeeping {
  readonly #data: MemoryData

  constructor(data: MemoryData) {
    this.#data = data
  }

  async raise({ epoch, before, after }: KeepStep): Promise<boolean> {
    const { state } = this.#data
    if (state?.epoch !== epoch || state.keepFrom !== before) return false
    if (before !== undefined && after <= before) return false
    this.#data.state = { ...state, keepFrom: after }
    return true
  }

  async remove({ epoch, bound, keys }: Removal): Promise<number | undefined> {
    checkKeys(keys, limits.lookKeysMax)
    const { state, entries, tickets, rowTickets } = this.#data
    if (state?.epoch !== epoch) return undefined
    if (state.keepFrom === undefined || state.keepFrom < bound) return undefined
    const there = keys.filter((key) => entries.delete(key))
    for (const key of keys) {
      tickets.delete(key)
      rowTickets.delete(key)
    }
    return there.length
  }
}
