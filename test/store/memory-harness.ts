import { systemClock } from '../../src/clock.ts'
import { emptyData, type MemoryData } from '../../src/store/memory/data.ts'
import { memoryStore } from '../../src/store/memory/memory-store.ts'
import { userLayout } from '../support/view-layouts.ts'
import type { StoreHarness } from './store-fixture.ts'

/** The model with data of its own. */
export function memoryHarness(): StoreHarness {
  const views = new Map<string, MemoryData>()
  const dataOf = (name: string) => {
    const data = views.get(name) ?? emptyData()
    views.set(name, data)
    return data
  }
  const data = dataOf(userLayout.name)
  return {
    open: async ({ name } = userLayout) => memoryStore(systemClock, dataOf(name)),
    reset: async () => {
      for (const each of views.values()) Object.assign(each, emptyData())
    },
    stop: async () => undefined,
    loseState: async () => {
      data.state = undefined
    },
    loseInstance: async () => {
      data.state = { ...data.state!, instance: undefined }
    },
    loseCheckpoint: async (partition) => void data.checkpoints.delete(partition),
    copy: async () => {
      const copied = copyOf(data)
      return async () => void Object.assign(data, copyOf(copied))
    },
  }
}

/** What the model keeps in a collection it never changes, only replaces. */
function copyOf(data: MemoryData): MemoryData {
  return {
    ...data,
    barriers: [...data.barriers],
    entries: new Map(data.entries),
    checkpoints: new Map(data.checkpoints),
    parked: new Map(data.parked),
    problems: new Map(data.problems),
    tickets: new Map(data.tickets),
    rowTickets: new Map(data.rowTickets),
  }
}
