import type { ScanPage } from '../audit.ts'
import { checkKeys } from '../checks.ts'
import { limits } from '../limits.ts'
import type { ItemsAnswer, ItemsQuestion, ViewTallies } from '../tallies.ts'
import type { MemoryData } from './data.ts'

export class MemoryTallies implements ViewTallies {
  readonly #data: MemoryData

  constructor(data: MemoryData) {
    this.#data = data
  }

  async look({ epoch, entry, tally, items, ticket }: ItemsQuestion): Promise<ItemsAnswer> {
    checkKeys(items, limits.cellsMax)
    const data = this.#data
    if (data.state?.epoch !== epoch) return { kind: 'conflict' }
    if (ticket !== undefined) data.tickets.set(entry, ticket)
    const known = data.entries.get(entry)?.tallies?.get(tally)
    const amounts = new Map(
      items.flatMap((item) => {
        const amount = known?.get(item)
        return amount === undefined ? [] : [[item, amount]]
      }),
    )
    return { kind: 'items', amounts, checkpoints: new Map(data.checkpoints) }
  }

  async scan(entry: string, tally: string, cursor: string | undefined): Promise<ScanPage> {
    const all = [...(this.#data.entries.get(entry)?.tallies?.get(tally)?.keys() ?? [])].toSorted()
    const after = cursor === undefined ? all : all.filter((item) => item > cursor)
    const keys = after.slice(0, limits.scanPageKeys)
    return { keys, cursor: after.length > keys.length ? keys.at(-1) : undefined }
  }
}
